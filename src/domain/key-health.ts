export type KeyState = 'ready' | 'cooling' | 'off' | 'probe'

const COOL_MS_MAX = 60_000
const COOL_MS_MIN = 1_000
/** A 403 may be about one prompt or one model; so many in a row are about the key. */
const FORBIDDEN_MAX = 3

/**
 * Whether a provider still takes one of its keys. A limit (429) lets the key cool for as long as the provider asks, and
 * for longer each time when it does not say; a refused key (401, 402, 403) is off, and probed after a while.
 */
export class KeyHealth {
  #coolUntilTicks = 0
  #limits = 0
  #isOff = false
  #probeAtTicks = 0
  #isProbing = false
  #forbidden = 0
  /** With which status it was refused last. */
  #status = 0
  /** The provider itself said for how long it wants to be left alone. */
  #isTold = false

  state(nowTicks: number): KeyState {
    if (this.#isOff) return nowTicks < this.#probeAtTicks || this.#isProbing ? 'off' : 'probe'
    return nowTicks < this.#coolUntilTicks ? 'cooling' : 'ready'
  }

  get untilTicks(): number {
    return this.#isOff ? this.#probeAtTicks : this.#coolUntilTicks
  }

  /** Whether the call that begins is the probe. */
  begin(nowTicks: number): boolean {
    if (!this.#isOff || this.state(nowTicks) !== 'probe') return false
    this.#isProbing = true
    return true
  }

  probed(): void {
    this.#isProbing = false
  }

  limited(nowTicks: number, retryAfterMs: number | undefined): void {
    this.#isTold = retryAfterMs !== undefined
    const forMs = retryAfterMs ?? COOL_MS_MIN * 2 ** Math.min(this.#limits, 6)
    // Calls that had begun before the key began to cool are no further reason to be afraid of it.
    if (nowTicks >= this.#coolUntilTicks) this.#limits++
    const untilTicks = nowTicks + Math.min(forMs, COOL_MS_MAX)
    this.#coolUntilTicks = Math.max(this.#coolUntilTicks, untilTicks)
  }

  /** Whether this switched the key off. */
  refused(nowTicks: number, { status, offMs }: { status: number; offMs: number }): boolean {
    if (status === 403 && ++this.#forbidden < FORBIDDEN_MAX && !this.#isOff) return false
    const wasOn = !this.#isOff
    this.#isOff = true
    this.#status = status
    this.#probeAtTicks = nowTicks + offMs
    return wasOn
  }

  /**
   * The provider answered a cheap question. That takes a key back which it did not know (401), and ends a pause that was a
   * guess; whether it has money and rights again, the next request finds out. Whether this switched the key on again.
   */
  answeredProbe(nowTicks: number): boolean {
    if (this.#isOff && this.#status === 401) return this.taken()
    if (this.#isOff) this.#probeAtTicks = nowTicks
    else if (!this.#isTold) this.#coolUntilTicks = Math.min(this.#coolUntilTicks, nowTicks)
    return false
  }

  /** The provider did something for the key. Whether this switched it on again. */
  taken(): boolean {
    this.#limits = 0
    this.#forbidden = 0
    const wasOff = this.#isOff
    this.#isOff = false
    return wasOff
  }
}
