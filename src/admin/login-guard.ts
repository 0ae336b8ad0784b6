/** Wrong passwords that cost nothing but themselves; from then on each makes the next one wait, up to a minute. */
const FREE = 5
const WAIT_MS = 1_000
const WAIT_MAX_MS = 60_000
/** After so long without another, they are forgotten. */
const FORGET_MS = 15 * 60_000
const KEPT_MAX = 10_000

type Failures = { count: number; lastAt: number }

/**
 * Slows down whoever guesses passwords: by where they come from and the name that they try, so that nobody can lock out
 * a user by trying that name from elsewhere.
 */
export class LoginGuard {
  readonly #ticksMs: () => number
  readonly #failures = new Map<string, Failures>()

  constructor(ticksMs: () => number) {
    this.#ticksMs = ticksMs
  }

  /** How long until the next attempt may be made; 0 when it may. */
  waitMs(attempt: string): number {
    const failures = this.#recent(attempt)
    if (failures === undefined || failures.count < FREE) return 0
    const wait = Math.min(WAIT_MS * 2 ** (failures.count - FREE), WAIT_MAX_MS)
    return Math.max(failures.lastAt + wait - this.#ticksMs(), 0)
  }

  failed(attempt: string): void {
    const { count } = this.#recent(attempt) ?? { count: 0 }
    this.#failures.delete(attempt)
    const [oldest] = this.#failures.keys()
    if (this.#failures.size >= KEPT_MAX && oldest !== undefined) this.#failures.delete(oldest)
    this.#failures.set(attempt, { count: count + 1, lastAt: this.#ticksMs() })
  }

  succeeded(attempt: string): void {
    this.#failures.delete(attempt)
  }

  #recent(attempt: string): Failures | undefined {
    const failures = this.#failures.get(attempt)
    return failures !== undefined && this.#ticksMs() - failures.lastAt < FORGET_MS
      ? failures
      : undefined
  }
}
