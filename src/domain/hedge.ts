/** When a second deployment is asked beside the first, whose first token is late. */
export type Hedge = Readonly<{
  /** So long after the first was asked; p95: when it is later than 95 of 100 of its first tokens were. */
  after: number | 'p95'
  /** So much of what is asked may be asked twice, counted in tokens of prompts. */
  maxExtra: number
}>

/** A burst is paid from what was saved up, but no more than this. */
const SAVED_TOKENS_MAX = 100_000

/** Keeps what is asked twice to a share of what is asked: it saves up with each request, and starts with nothing. */
export class ExtraBudget {
  #saved = 0

  asked(tokens: number, share: number): void {
    this.#saved = Math.min(this.#saved + tokens * share, SAVED_TOKENS_MAX)
  }

  take(tokens: number): boolean {
    if (this.#saved < tokens) return false
    this.#saved -= tokens
    return true
  }
}

const FIRST_SAMPLES = 20
const STEP = 0.05

/** About 95 of 100 samples are smaller. It follows along, and keeps no samples. */
export class MovingP95 {
  #samples = 0
  #value = 0

  /** Undefined until there are enough samples. */
  get value(): number | undefined {
    return this.#samples < FIRST_SAMPLES ? undefined : this.#value
  }

  /** At first the largest; then each sample moves it a little, and a larger one moves it 19 times as far. */
  add(sample: number): void {
    if (this.#samples < FIRST_SAMPLES) {
      this.#samples++
      this.#value = Math.max(this.#value, sample)
    } else this.#value *= sample > this.#value ? 1 + 0.95 * STEP : 1 - 0.05 * STEP
  }
}
