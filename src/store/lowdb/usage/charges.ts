import { lineAt, type Source } from './lines.ts'
import { splitId, type SplitId } from './request-id.ts'

/** The line of a request's charge; undefined where it was moved away. A refund says what was given back, and not of what. */
export type FindCharge = (request: string) => string | undefined

/** Of the records of one request, the one that charges it. */
export const chargeAt = (source: Source, offsets: readonly number[]): string | undefined =>
  offsets.map((offset) => lineAt(source, offset)).find((line) => SETTLE.test(line))

const SETTLE = /^\{"seq":[0-9]+,"kind":"settle"/

type Earlier = Readonly<{
  /** The segments before, the last one first. */
  segments: () => readonly number[]
  offsets: (segment: number, asked: SplitId) => readonly number[]
  source: (segment: number) => Source | undefined
}>

/** Looks in one segment after the other. The last one stays at hand: it may have to be unpacked, and refunds come in groups. */
export function chargeFinder({ segments, offsets, source }: Earlier): FindCharge {
  let all: readonly number[] | undefined
  let last: { segment: number; source: Source | undefined } | undefined
  return (request) => {
    const asked = splitId(request)
    for (const segment of (all ??= segments())) {
      const found = offsets(segment, asked)
      if (found.length === 0) continue
      if (last?.segment !== segment) last = { segment, source: source(segment) }
      const charge = last.source && chargeAt(last.source, found)
      if (charge !== undefined) return charge
    }
    return undefined
  }
}
