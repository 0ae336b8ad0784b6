import { ConcurrencyLimit } from '../domain/concurrency-limit.ts'
import { FairQueue } from '../domain/fair-queue.ts'
import { KeyHealth } from '../domain/key-health.ts'
import type { Clock } from '../ports/clock.ts'

export type Wait = Readonly<{
  account: string
  /** Of the account's turn, compared with others. */
  weight: number
  waitMs: number
  onGone: (listener: () => void) => void
}>

/** One of a provider's keys: whether it is taken, and how much of it is in use. */
export class KeyTraffic {
  readonly provider: string
  readonly keyIndex: number
  health = new KeyHealth()
  readonly limit = new ConcurrencyLimit()
  inFlight = 0
  /** The operator's own limit. */
  concurrencyMax = Infinity
  readonly #queue = new FairQueue<() => void>()

  constructor(provider: string, keyIndex: number) {
    this.provider = provider
    this.keyIndex = keyIndex
  }

  get most(): number {
    return Math.min(this.limit.limit, this.concurrencyMax)
  }

  get waiting(): number {
    return this.#queue.length
  }

  get hasRoom(): boolean {
    return this.inFlight < this.most && this.#queue.length === 0
  }

  /**
   * Waits for a place, and takes it at once when its turn comes. Undefined when there is none in time, too many wait
   * already, or the caller leaves.
   */
  wait<T>(clock: Clock, wait: Wait, take: () => T): Promise<T | undefined> {
    if (this.#queue.length >= this.most) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const { account, weight } = wait
      const item = () => {
        stop()
        resolve(take())
      }
      const leave = this.#queue.add({ account, weight, item }, clock.ticksMs())
      const giveUp = () => {
        stop()
        leave()
        resolve(undefined)
      }
      const stop = clock.after(wait.waitMs, giveUp)
      wait.onGone(giveUp)
    })
  }

  /** Calls in those for whom there is room by now. */
  admit(nowTicks: number): void {
    while (this.#queue.length > 0 && this.inFlight < this.most) this.#queue.next(nowTicks)?.()
  }
}
