import { Failure } from '../domain/failure.ts'
import { SlidingWindow } from '../domain/sliding-window.ts'

const MINUTE_MS = 60_000
const SESSIONS_MAX = 60
const KEPT_MAX = 10_000

/** Each session is an entry in the journal: of one user or key sixty begin in a minute, and no more. */
export class SessionPace {
  readonly #ticksMs: () => number
  /** By whom; the last that began one is the last to be forgotten. */
  readonly #begun = new Map<string, SlidingWindow>()

  constructor(ticksMs: () => number) {
    this.#ticksMs = ticksMs
  }

  begins(by: string): void {
    const nowTicks = this.#ticksMs()
    const window = this.#begun.get(by) ?? new SlidingWindow(MINUTE_MS)
    if (window.total(nowTicks) >= SESSIONS_MAX)
      throw new Failure(
        'rate_limit_exceeded',
        'Too many sessions in a minute. Use one again that has begun: it lasts for hours.',
        { retryAfterMs: window.fallsTo(SESSIONS_MAX - 1, nowTicks) },
      )
    window.add(nowTicks, 1)
    this.#begun.delete(by)
    const [oldest] = this.#begun.keys()
    if (this.#begun.size >= KEPT_MAX && oldest !== undefined) this.#begun.delete(oldest)
    this.#begun.set(by, window)
  }
}
