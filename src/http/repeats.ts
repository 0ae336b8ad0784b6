import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import { parseIdempotencyKey } from '../admin/correction-request.ts'
import { REPEAT_MS } from '../domain/correction.ts'
import { Failure } from '../domain/failure.ts'
import { jsonText } from '../domain/json-text.ts'

type Made = Readonly<{ fingerprint: string; answer: Promise<unknown>; at: number }>

const KEPT_MAX = 10_000

/**
 * What was done under an idempotency key is answered again and not done again, however many ask at the same time. What
 * was refused leaves its key free. Answers are kept in memory alone, for some have secrets in them: over a restart the books
 * know, for money by its key, and for what was made by its id, which follows from the name of the call.
 */
export class Repeats {
  readonly #ticksMs: () => number
  readonly #made = new Map<string, Made>()

  constructor(ticksMs: () => number) {
    this.#ticksMs = ticksMs
  }

  /** `make` is told the name of the call, where it has one. */
  async once(ctx: Context, by: string, make: (call?: string) => unknown): Promise<unknown> {
    const header = ctx.req.headers['idempotency-key']
    if (header === undefined) return make()
    const name = `${by} ${parseIdempotencyKey(header)}`
    const fingerprint = fingerprintOf(ctx)
    const known = this.#made.get(name)
    if (known !== undefined && this.#ticksMs() - known.at < REPEAT_MS) {
      if (known.fingerprint !== fingerprint) throw otherCall()
      ctx.set('idempotency-replayed', 'true')
      return known.answer
    }
    return this.#first(name, fingerprint, () => make(name))
  }

  async #first(name: string, fingerprint: string, make: () => unknown): Promise<unknown> {
    const [oldest] = this.#made.keys()
    if (this.#made.size >= KEPT_MAX && oldest !== undefined) this.#made.delete(oldest)
    // eslint-disable-next-line @typescript-eslint/require-await -- what is thrown at once is a rejection, too
    const answer = (async () => make())()
    this.#made.delete(name)
    this.#made.set(name, { fingerprint, answer, at: this.#ticksMs() })
    try {
      return await answer
    } catch (error) {
      this.#made.delete(name)
      throw error
    }
  }
}

/** The predecessor's routes say all in the query. */
const fingerprintOf = ({ method, url, request }: Context): string =>
  createHash('sha256')
    .update(jsonText([method, url, request.body]))
    .digest('base64')

const otherCall = (): Failure =>
  new Failure(
    'idempotency_conflict',
    'This idempotency key was used within the last 24 hours for something else. Use a new one.',
    { param: 'Idempotency-Key' },
  )
