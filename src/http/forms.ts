// The forms of what comes up in many answers.
import { z } from 'zod'
import { LIMITS } from '../domain/limit.ts'

export const credits = z
  .string()
  .meta({ description: 'Credits, as a decimal with at most six places', example: '9999.25' })

export const time = z.iso
  .datetime()
  .meta({ description: 'A time in UTC', example: '2027-01-31T12:00:00.000Z' })

/** What was said of limits, by their names; credit in credits. */
export const limitsSaid = z
  .partialRecord(z.enum(LIMITS), z.union([z.int(), z.string()]))
  .meta({ example: { requests_per_minute: 60, spend_per_month: '500' } })

/** A form that is told in words rather than field by field. */
export const anyObject = (description: string) => z.looseObject({}).meta({ description })

/** Of a list that is shown whole: there is nothing to ask it. */
export const noQuery = z.strictObject({})

/** Fields of the query that pages share. */
export const paging = {
  limit: z.string().optional().meta({ description: 'At most so many rows', example: '100' }),
  cursor: z.string().optional().meta({ description: '`next_cursor` of the page before' }),
}

export const listOf = (one: z.ZodType) =>
  z.object({
    object: z.literal('list'),
    data: z.array(one),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  })

/** An entry that moved credit, as its maker sees it. */
export const made = {
  id: z.string(),
  kind: z.string(),
  amount: credits,
  reason: z.string(),
  by: z.string(),
  at: time,
}
/** What it left an account with. */
export const left = { account: z.string(), balance: credits, held: credits }
export const corrected = z.object({ ...made, ...left })
