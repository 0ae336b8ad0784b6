import { z } from 'zod'
import { CODE_STATES } from '../domain/code.ts'
import { CODES_AT_ONCE, type CodeQuestion, type CodeWish } from './codes.ts'
import { amountAboveZero, moment, note } from './fields.ts'

const count = z
  .int('must be a whole number.')
  .min(1, 'must be at least 1.')
  .max(CODES_AT_ONCE, `must be at most ${CODES_AT_ONCE}: make more in several calls.`)
  .meta({ description: 'How many of them', example: 100 })

/** POST /admin/codes, and what the command line sends. */
export const newCodes = z
  .strictObject({
    amount: amountAboveZero,
    count: count.default(1),
    expires: moment.optional(),
    note: note.optional(),
    series: z
      .string()
      .regex(/^series_[\w-]{12}$/, 'must be that of codes made before.')
      .optional(),
  })
  .transform(({ amount, count, expires: expiresAt, note, series }): CodeWish => ({
    ...{ amount, count, expiresAt, note, series },
  }))

const ROWS_MAX = 1_000

/** GET /admin/codes, and what the command line sends. */
export const codeQuestion = z.strictObject({
  state: z.enum(CODE_STATES, `must be one of ${CODE_STATES.join(', ')}.`).optional(),
  series: z.string().optional(),
  after: z.string().optional().meta({ description: 'The id of the last code of the page before' }),
  cursor: z.string().optional().meta({ description: '`next_cursor` of the page before' }),
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,3}$/, `must be from 1 to ${ROWS_MAX}.`)
    .optional(),
})

export const codeQuestionOf = (given: z.output<typeof codeQuestion>): CodeQuestion => ({
  ...{ state: given.state, series: given.series, after: given.after },
  rowsMax: Math.min(Number(given.limit ?? 100), ROWS_MAX),
})

export const codeSent = z.strictObject({
  code: z.string('must be a code, such as 7K2Q9-….').max(64, 'must be a code, such as 7K2Q9-….'),
})
