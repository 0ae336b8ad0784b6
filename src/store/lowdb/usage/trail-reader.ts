import {
  isAskedFor,
  isTrailKind,
  type TrailEntry,
  type TrailPage,
  type TrailQuery,
} from '../../../domain/trail.ts'
import { eachLine, lineAt, type Line, type Source } from './lines.ts'

/** Where the trail's entries stand in a segment, and how far it was read: they are few among requests. */
type Marks = { readonly places: { seq: number; offset: number }[]; end: number }

type Row = TrailPage['rows'][number]

/** Reads the trail from its end. Each segment is searched once, and what is found there is remembered. */
export class TrailReader {
  readonly #sourceOf: (segment: number) => Source | undefined
  readonly #marks = new Map<number, Marks>()

  constructor(sourceOf: (segment: number) => Source | undefined) {
    this.#sourceOf = sourceOf
  }

  /** `segments` in their order; the last of them up to `to`. */
  page(
    query: TrailQuery,
    { segments, to }: { segments: readonly number[]; to: number },
  ): TrailPage {
    const rows: Row[] = []
    for (const segment of [...segments].reverse()) {
      const isLast = segment === segments.at(-1)
      this.#addRows(rows, query, { segment, to: isLast ? to : Infinity })
      if (rows.length > query.limit) break
    }
    return { rows: rows.slice(0, query.limit), hasMore: rows.length > query.limit }
  }

  #addRows(rows: Row[], query: TrailQuery, at: { segment: number; to: number }): void {
    const known = this.#marks.get(at.segment)
    if (known !== undefined && at.to === Infinity && known.places.length === 0) return
    const source = this.#sourceOf(at.segment)
    if (source === undefined) return // moved away
    const places = this.#search(source, at).filter(({ seq }) => seq < query.before)
    for (const { seq, offset } of places.reverse()) {
      const entry = JSON.parse(lineAt(source, offset)) as TrailEntry
      if (!isAskedFor(entry, query)) continue
      rows.push({ seq, entry })
      if (rows.length > query.limit) return
    }
  }

  #search(source: Source, { segment, to }: { segment: number; to: number }): Marks['places'] {
    const marks = this.#marks.get(segment) ?? { places: [], end: 0 }
    const end = Math.min(to, source.size)
    if (marks.end < end) {
      marks.end = eachLine(source, { from: marks.end, to: end }, (line) => {
        const seq = seqOfTrail(line)
        if (seq !== undefined) marks.places.push({ seq, offset: line.offset })
      })
      this.#marks.set(segment, marks)
    }
    return marks.places.filter(({ offset }) => offset < end)
  }
}

const SEQ = '{"seq":'.length
const KIND = ',"kind":"'.length

/** The seq of a line that belongs to the trail: read from its first bytes, for most lines are of requests. */
function seqOfTrail({ buffer, start, end }: Line): number | undefined {
  const comma = buffer.indexOf(44, start + SEQ)
  const kindEnd = buffer.indexOf(34, comma + KIND)
  if (comma === -1 || kindEnd === -1 || kindEnd > end) return undefined
  if (!isTrailKind(buffer.toString('latin1', comma + KIND, kindEnd))) return undefined
  return Number(buffer.toString('latin1', start + SEQ, comma))
}
