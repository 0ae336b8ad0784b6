const START = 32
const MIN = 4
const MAX = 512
const LESS = 0.7
/** First bytes that are so much later than usual are a provider's way of saying that it has too much to do. */
const SLOW = 2
const SLOWER_MS_MIN = 200
const SAMPLES_MIN = 20
const WINDOW_MS_MIN = 100

/**
 * How many calls one key of a provider may have at a time. There is no limit until the provider shows that there is one,
 * by a 429 or by first bytes twice as late as usual; then it falls by three tenths and grows by one, each at most once
 * in the time that a first byte takes, and falls only by calls that were sent after it last did: what was sent before
 * says nothing about it. Where it grows beyond 512 it is gone again.
 */
export class ConcurrencyLimit {
  #limit = Infinity
  #recentMs = 0
  #usualMs = 0
  #samples = 0
  #nextTicks = 0
  #fellTicks = -Infinity
  #isGuess = true

  get limit(): number {
    return this.#limit
  }

  /** The provider never said that there is one: it only became slow, which may have other reasons. */
  get isGuess(): boolean {
    return this.#isGuess
  }

  /** The provider limits us: it refused a call that was sent then. */
  refused(nowTicks: number, inFlight: number, sentTicks: number): void {
    this.#isGuess = false
    this.#fall(nowTicks, inFlight, sentTicks)
  }

  #fall(nowTicks: number, inFlight: number, sentTicks: number): void {
    if (nowTicks < this.#nextTicks || sentTicks < this.#fellTicks) return
    this.#wait(nowTicks)
    this.#fellTicks = nowTicks
    const isNew = this.#limit === Infinity
    const less = Math.floor((isNew ? inFlight : this.#limit) * LESS)
    this.#limit = Math.max(isNew ? START : MIN, less)
  }

  /** The provider has trouble of another kind: no reason to send more. */
  troubled(nowTicks: number): void {
    this.#wait(nowTicks)
  }

  /** A streamed answer began; what is not streamed says nothing, because its time is that of its length. */
  began(nowTicks: number, inFlight: number, firstByteMs: number): void {
    this.#learn(firstByteMs)
    const slowMs = Math.max(SLOW * this.#usualMs, this.#usualMs + SLOWER_MS_MIN)
    if (this.#samples < SAMPLES_MIN || this.#recentMs <= slowMs) return
    this.#fall(nowTicks, inFlight, nowTicks - firstByteMs)
  }

  /** An answer came to its end. A limit that nobody comes near says nothing about the next one. */
  answered(nowTicks: number, inFlight: number): void {
    if (this.#limit === Infinity || nowTicks < this.#nextTicks || inFlight * 2 < this.#limit) return
    this.#wait(nowTicks)
    this.#limit = this.#limit >= MAX ? Infinity : this.#limit + 1
    if (this.#limit === Infinity) this.#isGuess = true
  }

  #learn(ms: number): void {
    if (this.#samples++ === 0) this.#recentMs = this.#usualMs = ms
    this.#recentMs += (ms - this.#recentMs) * 0.1
    this.#usualMs += (ms - this.#usualMs) * 0.01
  }

  #wait(nowTicks: number): void {
    this.#nextTicks = nowTicks + Math.max(this.#recentMs, WINDOW_MS_MIN)
  }
}
