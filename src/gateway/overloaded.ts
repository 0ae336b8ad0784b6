import { Failure } from '../domain/failure.ts'

/** Those who are sent away for a lack of room do not come back all at once. */
const BACK_MS_MIN = 1_000
const BACK_MS_SPREAD = 4_000

export const overloaded = (chance: () => number, why: string): Failure =>
  new Failure('overloaded', `${why} Try again shortly.`, {
    retryAfterMs: BACK_MS_MIN + BACK_MS_SPREAD * chance(),
  })
