import { Failure, invalidRequest } from '../../../domain/failure.ts'

/** Why the past is not told: for whoever asked, so in words that they can act on. */
export const tooManyRows = (rows: number): Failure =>
  invalidRequest(
    `This would be more than ${rows} rows. Ask for less time, or group by less.`,
    'group_by',
  )

export const stillMaking = (left: number): Failure =>
  new Failure(
    'overloaded',
    `The usage of the past is being added up again, and ${left} segments are left. Try again shortly.`,
    { retryAfterMs: left * 1_000 },
  )

export const tooManyQuestions = (): Failure =>
  new Failure('overloaded', 'Too many are asking for usage at the moment. Try again shortly.', {
    retryAfterMs: 2_000,
  })

export const movedAway = (segment: string): Failure =>
  new Failure(
    'not_found',
    `The records of this request are in ${segment}, which was moved out of the data folder.`,
  )
