import { z } from 'zod'
import { time } from './forms.ts'

const amount = z.union([z.number(), z.string()])

/** How each limit stands that there is, by its name; credit in credits. */
export const limitsForm = z
  .record(
    z.string(),
    z.object({
      ...{ limit: amount, used: amount, remaining: amount },
      resets_at: time.optional(),
    }),
  )
  .meta({
    description:
      'By name. `resets_at`: when all of it is free again, or the day, week or month is over; what is unlimited is not here. ' +
      'What runs is counted at the most that it may take',
    example: {
      requests_per_minute: {
        ...{ limit: 100, used: 3, remaining: 97, resets_at: '2027-01-31T12:00:41.250Z' },
      },
    },
  })

const account = { account: z.string(), tier: z.string(), limits: limitsForm }

const above = z
  .array(z.object(account))
  .meta({ description: 'The accounts above, parent first: their limits are for all below them' })

export const accountLimits = z.object({ object: z.literal('limits'), ...account, above })

export const modelLimits = z.object({
  object: z.literal('limits'),
  model: z.string(),
  answered_by: z.string(),
  limits: limitsForm,
})

export const keyLimits = z.object({
  object: z.literal('limits'),
  key: z.string(),
  limits: limitsForm,
  account: z.object(account),
  above,
})
