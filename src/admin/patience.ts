import { Failure } from '../domain/failure.ts'

const TRIES = 10
const MINUTE_MS = 60_000
const ACCOUNTS_MAX = 10_000

/** Ten wrong words a minute of an account, and then none for the rest of it: nothing is found by trying. */
export class Patience {
  readonly #ticksMs: () => number
  readonly #wrong = new Map<string, { count: number; until: number }>()

  constructor(ticksMs: () => number) {
    this.#ticksMs = ticksMs
  }

  expect(account: string): void {
    const known = this.#wrong.get(account)
    const retryAfterMs = (known?.until ?? 0) - this.#ticksMs()
    if (retryAfterMs <= 0) this.#wrong.delete(account)
    else if ((known?.count ?? 0) >= TRIES)
      throw new Failure('rate_limit_exceeded', 'Too many wrong ones. Try again in a minute.', {
        retryAfterMs,
      })
  }

  note(account: string): void {
    const known = this.#wrong.get(account) ?? { count: 0, until: this.#ticksMs() + MINUTE_MS }
    known.count++
    if (this.#wrong.size >= ACCOUNTS_MAX) this.#wrong.clear()
    this.#wrong.set(account, known)
  }
}
