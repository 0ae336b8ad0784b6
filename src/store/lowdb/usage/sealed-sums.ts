import type { BookedEntry } from '../../booked-entry.ts'
import type { Witness } from '../recover.ts'
import type { DbPaths } from '../segments.ts'
import type { FindCharge } from './charges.ts'
import { memorySource } from './lines.ts'
import { UsageReader } from './reader.ts'
import { Tally } from './tally.ts'

/** Only while a snapshot took so long that more segments were sealed are there several; older ones are left to questions. */
const SEGMENTS_MAX = 3

/**
 * Adds up the usage of segments while they are replayed for a snapshot, so that they are read once for both. What comes of
 * it is kept when the snapshot is. It is never needed: where it fails, the next question makes it.
 */
export class SealedSums implements Witness {
  readonly #reader: UsageReader
  readonly #from: number
  #summed: Summed[] = []
  #current: Current | undefined
  #trouble: unknown

  constructor(paths: DbPaths, upTo: number) {
    this.#reader = new UsageReader(paths)
    this.#from = upTo - SEGMENTS_MAX + 1
  }

  begin(segment: number, bytes: Buffer): void {
    if (segment < this.#from || this.#reader.isMade(segment)) return
    const tally = new Tally(segment)
    const chargeOf = tally.charges(memorySource(bytes), this.#reader.chargesBefore(segment))
    const first = bytes.toString('utf8', 0, bytes.indexOf(NEWLINE))
    this.#current = { tally, first, chargeOf }
  }

  enter(entry: BookedEntry, offset: number): void {
    if (this.#current === undefined) return
    try {
      this.#current.tally.enter(entry, offset, this.#current.chargeOf)
    } catch (error) {
      this.#trouble = error
      this.#current = undefined
    }
  }

  /** The segment is sound up to its end. */
  end(offset: number): void {
    if (this.#current === undefined) return
    this.#current.tally.endAt(offset)
    this.#summed.push(this.#current)
    this.#current = undefined
  }

  /** Answers why there are none of a segment that there should be. */
  keep(): unknown {
    try {
      for (const { tally, first } of this.#summed)
        if (!this.#reader.isMade(tally.segment)) this.#reader.keep(tally, first)
    } catch (error) {
      this.#trouble = error
    }
    return this.#trouble
  }
}

type Summed = Readonly<{ tally: Tally; first: string }>
type Current = Summed & Readonly<{ chargeOf: FindCharge }>

const NEWLINE = 10
