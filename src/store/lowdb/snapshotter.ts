import type { AccountState } from '../books.ts'
import type { SnapshotMade } from './make-snapshot.ts'
import { hurry, isStopping, newUrgency, type Urgency } from './pace.ts'
import { SnapshotThread } from './snapshot-thread.ts'

/**
 * Makes a snapshot each time a segment is sealed: from the snapshot before it and the sealed segments, in a thread of
 * its own, so that replay is proven every day and no request waits for it.
 */
export class Snapshotter {
  readonly #options: SnapshotterOptions
  readonly #thread = new SnapshotThread()
  readonly #makeOne: MakeSnapshot
  #urgency = newUrgency()
  #wanted: number | undefined
  #sealedAt = performance.now()
  /** How long the last segment took to fill. */
  #fillMs = 0
  #running: Promise<void> | undefined
  #isProven = true

  constructor(options: SnapshotterOptions, makeOne?: MakeSnapshot) {
    this.#options = options
    this.#makeOne = makeOne ?? this.#thread.make
  }

  /** False once memory was not what the journal adds up to. */
  get isProven(): boolean {
    return this.#isProven
  }

  make(upTo: number): void {
    // A thread that has not ended when the next segment is full takes too long.
    if (this.#running !== undefined) hurry(this.#urgency, 'hurry')
    this.#fillMs = performance.now() - this.#sealedAt
    this.#sealedAt += this.#fillMs
    this.#wanted = upTo
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
    })
  }

  async stop(): Promise<void> {
    hurry(this.#urgency, 'stop')
    await this.#running
    await this.#thread.stop()
  }

  async #work(): Promise<void> {
    const { dir, accounts, archive } = this.#options
    while (this.#wanted !== undefined) {
      const upTo = this.#wanted
      this.#wanted = undefined
      if (!isStopping(this.#urgency)) this.#urgency = newUrgency()
      try {
        const leftMs = this.#sealedAt + this.#fillMs - performance.now()
        const pacing = { urgency: this.#urgency, leftMs }
        this.#tell(await this.#makeOne({ dir, upTo, accounts, ...pacing, archive: archive?.() }))
      } catch (error) {
        this.#options.onTrouble(
          'no snapshot could be made; the journal is whole and is replayed from the one before',
          { error },
        )
      }
    }
  }

  #tell(made: SnapshotDone): void {
    const { onTrouble } = this.#options
    if (made.kind === 'differs') {
      const { account, seq, live, journal } = made
      this.#isProven = false
      const what = 'memory is not what the journal adds up to; the snapshot is not used'
      onTrouble(what, { account, seq, live, journal })
      return
    }
    this.#isProven = true
    if (made.unsummed !== undefined)
      onTrouble('a sealed segment was not summed up; who asks for its usage waits for that', {
        error: made.unsummed,
      })
    if (made.kept === undefined) return
    onTrouble('old segments could not be packed or moved; they stay as they are', {
      error: made.kept,
    })
  }
}

export type ArchiveSettings = Readonly<{ to: string; afterMs: number }>

type SnapshotterOptions = Readonly<{
  dir: string
  accounts: ReadonlyMap<string, AccountState>
  /** Where old segments go; asked each time. */
  archive?: (() => ArchiveSettings | undefined) | undefined
  onTrouble: (message: string, facts: Record<string, unknown>) => void
}>

/** `kept`: why segments that could be packed or moved were not. */
export type SnapshotDone = SnapshotMade & Readonly<{ kept?: unknown }>

export type SnapshotWork = Readonly<{
  dir: string
  upTo: number
  urgency: Urgency
  /** Until the next segment is full, if that takes as long as the last one took. */
  leftMs: number
  archive: ArchiveSettings | undefined
}>

export type MakeSnapshot = (
  work: SnapshotWork & Pick<SnapshotterOptions, 'accounts'>,
) => Promise<SnapshotDone>
