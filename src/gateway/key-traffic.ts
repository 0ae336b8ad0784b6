import { ConcurrencyLimit } from '../domain/concurrency-limit.ts'
import { FairQueue } from '../domain/fair-queue.ts'
import { KeyHealth } from '../domain/key-health.ts'
import type { Deployment } from '../domain/model.ts'
import type { Clock } from '../ports/clock.ts'
import type { ProbeView } from '../ports/traffic.ts'

export type Wait = Readonly<{
  account: string
  /** Of the account's turn, compared with others. */
  weight: number
  waitMs: number
  onGone: (listener: () => void) => void
}>

type OneKey = Pick<Deployment, 'provider' | 'keyIndex' | 'concurrencyMax'>

/** One probe that gets lost says little. */
const DOWNS = 2

/** One of a provider's keys: whether it is taken, and how much of it is in use. */
export class KeyTraffic {
  readonly provider: string
  /** Its number as the configuration has it now. */
  keyIndex: number
  health = new KeyHealth()
  readonly limit = new ConcurrencyLimit()
  inFlight = 0
  /** The operator's own limit. */
  concurrencyMax: number
  /** What the last probe found. */
  probe: ProbeView | undefined
  #workedTicks = -Infinity
  #downs = 0
  readonly #queue = new FairQueue<() => void>()

  constructor({ provider, keyIndex, concurrencyMax }: OneKey) {
    this.provider = provider
    this.keyIndex = keyIndex
    this.concurrencyMax = concurrencyMax
  }

  /** Its probes do not reach it any more. */
  get isDown(): boolean {
    return this.#downs >= DOWNS
  }

  /** A request was answered, which says more than any probe. */
  worked(nowTicks: number): void {
    this.#workedTicks = nowTicks
    this.#downs = 0
  }

  /** Nobody probes it any more, so nothing that probes found stands against it. */
  unprobed(): void {
    this.#downs = 0
    this.probe = undefined
  }

  /** Whether this changed what is thought of it. */
  probedDown(nowTicks: number, everyMs: number): boolean {
    if (nowTicks - this.#workedTicks < everyMs) return false
    return ++this.#downs === DOWNS
  }

  probedWell(): boolean {
    const wasDown = this.isDown
    this.#downs = 0
    return wasDown
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
   * already, or the caller leaves. Where the limit is a guess of ours, nobody is refused because of it: they only wait.
   */
  wait<T>(clock: Clock, wait: Wait, take: () => T): Promise<T | undefined> {
    const takeAnyway = () => (this.#mayExceed ? take() : undefined)
    if (this.#queue.length >= this.most) return Promise.resolve(takeAnyway())
    return new Promise((resolve) => {
      const { account, weight } = wait
      const item = () => {
        stop()
        resolve(take())
      }
      const leave = this.#queue.add({ account, weight, item }, clock.ticksMs())
      const stop = clock.after(wait.waitMs, () => {
        leave()
        resolve(takeAnyway())
      })
      wait.onGone(() => {
        stop()
        leave()
        resolve(undefined)
      })
    })
  }

  get #mayExceed(): boolean {
    return this.limit.isGuess && this.inFlight < this.concurrencyMax
  }

  /** Calls in those for whom there is room by now. */
  admit(nowTicks: number): void {
    while (this.#queue.length > 0 && this.inFlight < this.most) this.#queue.next(nowTicks)?.()
  }
}
