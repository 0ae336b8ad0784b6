import fs from 'node:fs'
import path from 'node:path'
import { Sums } from '../store/audit.ts'
import type { Line, Place, Report } from '../store/audit-line.ts'
import { eachLine, isUnpackable, segmentsIn, type SegmentOnDisk } from './audit-lines.ts'
import { searchLine } from './audit-secrets.ts'
import { compareSnapshot, readJson, readSnapshot, type SnapshotOnDisk } from './audit-snapshots.ts'
import { parsedLine, Trail, type Head, type Position } from './audit-trail.ts'

/** What there is to read, as it was when the audit began. */
export type BooksOnDisk = Readonly<{
  db: string
  head: Head | undefined
  snapshots: readonly SnapshotOnDisk[]
  segments: readonly SegmentOnDisk[]
  /** The books that the segments go on from, where those before them were moved away. */
  start: SnapshotOnDisk | undefined
}>

/** HEAD and snapshots first, so that the journal covers what they say even while a server writes. */
export function openBooks(
  { db, archive }: { db: string; archive: string | undefined },
  report: Report,
): BooksOnDisk {
  const journal = path.join(db, 'journal')
  const head = readJson(path.join(journal, 'HEAD')) as Head | undefined
  const [base] = readSnapshot(path.join(db, 'archive', 'base.json'), report)
  const snapshots = ['gateway.json', 'gateway.prev.json'].flatMap((name) =>
    readSnapshot(path.join(db, name), report),
  )
  const here = segmentsIn(journal)
  const moved = archive === undefined ? [] : segmentsIn(archive)
  const segments = [...moved.filter(({ segment }) => segment < (here[0]?.segment ?? 0)), ...here]
  if (here.length === 0 && base === undefined)
    throw new Error(`${journal} has no journal to audit.`)
  const isWhole = segments[0]?.segment === 1
  if (base === undefined || isWhole)
    return {
      db,
      head,
      segments,
      start: undefined,
      snapshots: [...snapshots, ...(base ? [base] : [])],
    }
  const after = segments.filter(({ segment }) => segment > base.segment)
  return { db, head, segments: after, start: base, snapshots }
}

export type WalkOptions = Readonly<{
  report: Report
  at?: number | undefined
  onBytes?: ((count: number, total: number) => void) | undefined
  /** A batch has been read to its end; answers whether to go on. */
  onBatch?: (place: Place, position: Readonly<Position>) => boolean
}>

export type Walked = Readonly<{ records: number; seq: number; notes: readonly string[] }>

/** One way through the journal, by which every rule about entries is checked. */
export class JournalWalk {
  readonly #books: BooksOnDisk
  readonly #options: WalkOptions
  readonly #at: number
  readonly #sums: Sums
  readonly #trail: Trail
  readonly #uncompared: Set<SnapshotOnDisk>
  readonly #notes: string[] = []
  #records = 0
  #isEnough = false

  constructor(books: BooksOnDisk, options: WalkOptions) {
    const { at = Infinity, report } = options
    this.#books = books
    this.#options = options
    this.#at = at
    this.#sums = new Sums(report)
    this.#uncompared = new Set(books.snapshots.filter(({ seq }) => seq <= at))
    const listener = {
      report,
      onRecord: (line: Line, place: Place) => {
        this.#enter(line, place)
      },
      onBatch: (place: Place, position: Position) => {
        this.#endBatch(place, position)
      },
    }
    this.#trail = new Trail(listener, books.head, books.start)
  }

  run(): Walked {
    const { segments, start } = this.#books
    if (start !== undefined) this.#begin(start)
    this.#reportMissing(start?.segment ?? 0)
    let end = { place: { file: this.#books.db, offset: 0 }, rest: 0 }
    for (const { file } of segments) {
      if (this.#isEnough) break
      if (end.rest > 0)
        this.#options.report('A2', `${end.rest} bytes of a record, then a new segment`, end.place)
      end = this.#readSegment(file)
    }
    return this.#finish(end)
  }

  #begin(start: SnapshotOnDisk): void {
    const { seq, chain, segment, file, state } = start
    if (this.#at < start.seq)
      throw new Error(
        `Seq ${this.#at} is in segments that were moved away. Name them by --archive.`,
      )
    this.#notes.push(
      `segments 1 to ${segment} are not here: proven from seq ${seq + 1} on, over the books in ${file}. ` +
        `With --archive, from the first entry on${movedTo(path.dirname(file))}`,
    )
    this.#sums.begin(state)
    this.#compare({ seq, chain })
  }

  #reportMissing(before: number): void {
    for (const [index, { segment, file }] of this.#books.segments.entries()) {
      if (segment === before + index + 1) continue
      const what = `segment ${before + index + 1} is missing`
      this.#options.report('A1', what, { file, offset: 0 })
      return
    }
  }

  #readSegment(file: string): { place: Place; rest: number } {
    const { report, onBytes } = this.#options
    const total = this.#totalBytes()
    const listener = {
      onBytes: (count: number) => onBytes?.(count, total),
      onHole: (offset: number, bytes: number) => {
        this.#trail.hole(bytes, { file, offset })
      },
      onLine: (line: Buffer, offset: number) => {
        const place = { file, offset }
        searchLine(line, place, report)
        this.#trail.follow(line, place)
        return !this.#isEnough
      },
    }
    try {
      const { offset, rest } = eachLine(file, listener)
      searchLine(rest, { file, offset }, report)
      return { place: { file, offset }, rest: rest.length }
    } catch (error) {
      if (!isUnpackable(error)) throw error
      report('A2', 'the packed segment cannot be unpacked', { file, offset: 0 })
      return { place: { file, offset: 0 }, rest: 0 }
    }
  }

  #enter(line: Line, place: Place): void {
    if (line.seq > this.#at) return
    this.#records++
    this.#sums.enter(line, place)
  }

  #endBatch(place: Place, position: Position): void {
    this.#isEnough = position.seq >= this.#at
    this.#compare(position)
    if (this.#options.onBatch?.(place, position) === false) this.#isEnough = true
  }

  #compare({ seq, chain }: Pick<Position, 'seq' | 'chain'>): void {
    for (const one of this.#uncompared) {
      if (one.seq !== seq) continue
      this.#uncompared.delete(one)
      compareSnapshot(one, { items: this.#sums.items(), chain }, this.#options.report)
    }
  }

  #finish({ place, rest }: { place: Place; rest: number }): Walked {
    const { report } = this.#options
    const end = this.#isEnough ? { seq: this.#at, place } : this.#trail.end(place, rest)
    if (this.#at !== Infinity && end.seq < this.#at)
      throw new Error(`The journal ends with seq ${end.seq}, before seq ${this.#at}.`)
    if ('isOpen' in end && end.isOpen) {
      const { file, offset } = end.place
      this.#notes.push(`${file}, offset ${offset}: the tail being written, or a torn last write`)
    }
    const seq = Math.min(end.seq, this.#at)
    for (const { file, seq: covered } of this.#uncompared) {
      const what = `covers seq ${covered}; the journal ends with ${seq}`
      if (covered > seq) report('A15', what, { file, offset: 0 })
      else report('A15', `covers seq ${covered}, where no batch ends`, { file, offset: 0 })
    }
    this.#proveRefunds()
    this.#sums.end(end.place, this.#isEnough)
    return { records: this.#records, seq, notes: this.#notes }
  }

  /** Reads once more for the charges behind refunds; whoever refunded nothing does not wait for it. */
  #proveRefunds(): void {
    const { corrections } = this.#sums
    const onLine = (bytes: Buffer): boolean => {
      const line = bytes.includes('"kind":"settle"') ? parsedLine(bytes) : undefined
      if (line !== undefined) corrections.prove(line)
      return corrections.unproven > 0
    }
    for (const { file } of this.#books.segments) {
      if (corrections.unproven === 0) return
      try {
        eachLine(file, { onBytes: () => undefined, onLine })
      } catch (error) {
        if (!isUnpackable(error)) throw error // told when it was read first
      }
    }
    if (corrections.unproven === 0) return
    if (this.#books.start === undefined) corrections.end()
    else this.#notes.push(`${corrections.unproven} refunds are of charges that were moved away`)
  }

  #totalBytes(): number {
    const sizes = this.#books.segments.map(
      ({ file }) => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0,
    )
    return sizes.reduce((sum, size) => sum + size, 0)
  }
}

/** Where the folder says that the segments went; nowhere for a salvaged one. */
function movedTo(archive: string): string {
  const manifest = readJson(path.join(archive, 'manifest.json')) as
    { segments?: readonly { to?: string }[] } | undefined
  const to = manifest?.segments?.at(-1)?.to
  return to === undefined ? '' : `: they were moved to ${to}`
}
