import { Failure } from '../domain/failure.ts'
import { comeBackMs } from './come-back.ts'

export const overloaded = (chance: () => number, why: string): Failure =>
  new Failure('overloaded', `${why} Try again shortly.`, { retryAfterMs: comeBackMs(chance) })
