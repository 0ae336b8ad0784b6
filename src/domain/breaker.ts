import { SlidingCount } from './sliding-count.ts'

export type BreakerSettings = Readonly<{
  /** So many failures in a row open it. */
  failuresMax: number
  /** How long it stays open the first time. */
  openMs: number
}>

/** Closed: calls go through. Probe: one may, to see. Open: none should. */
export type BreakerState = 'closed' | 'probe' | 'open'

const OPEN_MS_MAX = 300_000
/** Half of at least so many calls in ten seconds open it, too. */
const CALLS_MIN = 20
const PROOFS = 3
/** Up to so much is added to or taken from the time open, so that many do not come back at once. */
const JITTER = 0.2

/**
 * Keeps calls away from a deployment that fails, and finds out by one probe at a time whether it is well again. Each
 * opening is longer than the one before, until it has stayed closed for as long as the longest.
 */
export class Breaker {
  readonly #chance: () => number
  readonly #failures = new SlidingCount()
  readonly #calls = new SlidingCount()
  #inARow = 0
  #isOpen = false
  #untilTicks = 0
  #closedAtTicks = -Infinity
  #openings = 0
  #isProbing = false
  #proofs = 0

  constructor(chance: () => number) {
    this.#chance = chance
  }

  get untilTicks(): number {
    return this.#untilTicks
  }

  /** Nothing has gone wrong since something went well. */
  get isProven(): boolean {
    return !this.#isOpen && this.#inARow === 0
  }

  state(nowTicks: number): BreakerState {
    if (!this.#isOpen) return 'closed'
    return nowTicks < this.#untilTicks || this.#isProbing ? 'open' : 'probe'
  }

  /** Whether the call that begins is the probe. */
  begin(nowTicks: number): boolean {
    if (!this.#isOpen || this.state(nowTicks) !== 'probe') return false
    this.#isProbing = true
    return true
  }

  succeeded(nowTicks: number): void {
    this.#inARow = 0
    if (!this.#isOpen) this.#calls.add(nowTicks)
    else if (++this.#proofs >= PROOFS) this.#close(nowTicks)
  }

  failed(nowTicks: number, isProbe: boolean, settings: BreakerSettings): void {
    this.#inARow++
    this.#proofs = 0
    if (this.#isOpen) {
      // What had begun before it opened says nothing new; the probe does.
      if (isProbe) this.#open(nowTicks, settings)
      return
    }
    this.#calls.add(nowTicks)
    this.#failures.add(nowTicks)
    const calls = this.#calls.total(nowTicks)
    const isHalf = calls >= CALLS_MIN && this.#failures.total(nowTicks) * 2 >= calls
    if (this.#inARow >= settings.failuresMax || isHalf) this.#open(nowTicks, settings)
  }

  /** What it was opened for seems to be over: the next call may find out. */
  mayProbe(nowTicks: number): void {
    this.#untilTicks = Math.min(this.#untilTicks, nowTicks)
  }

  /** The probe is over, whatever came of it. */
  probed(): void {
    this.#isProbing = false
  }

  #open(nowTicks: number, { openMs }: BreakerSettings): void {
    if (nowTicks - this.#closedAtTicks >= OPEN_MS_MAX && !this.#isOpen) this.#openings = 0
    this.#openings++
    const jitter = 1 - JITTER + 2 * JITTER * this.#chance()
    this.#untilTicks = nowTicks + Math.min(openMs * this.#openings, OPEN_MS_MAX) * jitter
    this.#isOpen = true
  }

  #close(nowTicks: number): void {
    this.#isOpen = false
    this.#closedAtTicks = nowTicks
    this.#proofs = 0
    this.#calls.clear()
    this.#failures.clear()
  }
}
