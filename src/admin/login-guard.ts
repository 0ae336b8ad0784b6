import { SlidingWindow } from '../domain/sliding-window.ts'

/** Wrong passwords that cost nothing but themselves; from then on each makes the next one wait, up to a minute. */
const FREE = 5
const WAIT_MS = 1_000
const WAIT_MAX_MS = 60_000
/** After so long without another, they are forgotten. */
const FORGET_MS = 15 * 60_000
const KEPT_MAX = 10_000
/** Wrong passwords from one address in a minute, whatever names they are tried with. */
const FROM_ONE_ADDRESS = 30
const MINUTE_MS = 60_000

export type Attempt = Readonly<{ from: string; username: string }>

type Failures = { count: number; lastAt: number }

/**
 * Slows down whoever guesses passwords: by where they come from and the name that they try, so that nobody can lock out
 * a user by trying that name from elsewhere; and by where they come from alone, so that trying many names is no way
 * around it. Wrong keys are another matter: a key cannot be guessed, so one that is right is never made to wait, while a
 * password is not even looked at before its time.
 */
export class LoginGuard {
  readonly #ticksMs: () => number
  readonly #failures = new Map<string, Failures>()
  readonly #addresses = new Map<string, SlidingWindow>()

  constructor(ticksMs: () => number) {
    this.#ticksMs = ticksMs
  }

  /** How long until the next attempt may be made; 0 when it may. */
  waitMs(attempt: Attempt): number {
    return Math.max(this.#waitOfName(attempt), this.#waitOfAddress(attempt))
  }

  /** An attempt begins. It counts as failed, until it turns out well: many at once are many. */
  begins(attempt: Attempt): number {
    const name = nameOf(attempt)
    const { count } = this.#recent(name) ?? { count: 0 }
    const nowTicks = this.#ticksMs()
    keep(this.#failures, name, { count: count + 1, lastAt: nowTicks })
    const window = this.#addresses.get(attempt.from) ?? new SlidingWindow(MINUTE_MS)
    window.add(nowTicks, 1)
    keep(this.#addresses, attempt.from, window)
    return nowTicks
  }

  succeeded(attempt: Attempt, begunTicks: number): void {
    this.#failures.delete(nameOf(attempt))
    this.#addresses.get(attempt.from)?.takeBack(begunTicks, 1)
  }

  #waitOfName(attempt: Attempt): number {
    const failures = this.#recent(nameOf(attempt))
    if (failures === undefined || failures.count < FREE) return 0
    const wait = Math.min(WAIT_MS * 2 ** (failures.count - FREE), WAIT_MAX_MS)
    return Math.max(failures.lastAt + wait - this.#ticksMs(), 0)
  }

  #waitOfAddress({ from }: Attempt): number {
    const window = this.#addresses.get(from)
    const nowTicks = this.#ticksMs()
    if (window === undefined || window.total(nowTicks) < FROM_ONE_ADDRESS) return 0
    return window.fallsTo(FROM_ONE_ADDRESS - 1, nowTicks)
  }

  #recent(name: string): Failures | undefined {
    const failures = this.#failures.get(name)
    return failures !== undefined && this.#ticksMs() - failures.lastAt < FORGET_MS
      ? failures
      : undefined
  }
}

const nameOf = ({ from, username }: Attempt): string => `${from} ${username}`

/** The last that was touched is the last to be forgotten. */
function keep<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name)
  const [oldest] = map.keys()
  if (map.size >= KEPT_MAX && oldest !== undefined) map.delete(oldest)
  map.set(name, value)
}
