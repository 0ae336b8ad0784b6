import { z } from 'zod'
import { credits, time } from '../forms.ts'

const whole = z.string().meta({ description: 'A whole number', example: '13000000' })

const arithmetic = z
  .object({
    units_per_micro_credit: whole,
    lines: z.array(z.object({ bucket: z.string(), count: z.int(), rate: whole, units: whole })),
    units: whole,
    rounded_up_units: whole,
    cost_micro_credits: whole,
  })
  .meta({
    description: 'Tokens by their rates; their sum, divided and rounded up once, is the cost',
  })

const receipt = {
  object: z.literal('receipt'),
  id: z.string().meta({ example: 'req_77467b0d7da01000000000' }),
  state: z.string().meta({ example: 'settled' }),
  account: z.string(),
  key: z.string().nullable(),
  model: z.string(),
  outcome: z.string().nullable().meta({ example: 'finished' }),
  is_stream: z.boolean(),
  is_estimated: z.boolean().meta({ description: 'Counted here, because the provider did not' }),
  started_at: time,
  ended_at: time.nullable(),
  first_byte_ms: z.number().nullable(),
  total_ms: z.number().nullable(),
  tokens: z.record(z.string(), z.int()).meta({ example: { input: 12, output: 32 } }),
  price: z.string().meta({ description: 'The version of the price', example: 'p_826867b6a322' }),
  charged_by: z.string().meta({ description: 'What the cost follows from' }),
  arithmetic: arithmetic.nullable(),
  cost: credits,
  charged: credits,
  overrun: credits,
  refunded: credits,
  sold: z
    .object({ account: z.string(), charged: credits, refunded: credits, profit: credits })
    .optional()
    .meta({ description: 'Of a reseller: what its sub-account paid and was given back' }),
  recomputed: z.boolean().meta({ description: 'The charge follows from all of this' }),
  hold: credits,
  refunds: z.array(
    z.object({ id: z.string(), at: time, amount: credits, reason: z.string(), seq: z.int() }),
  ),
  ledger: z.array(z.object({ kind: z.string(), seq: z.int(), segment: z.int() })),
}

/** How the charge for a request came about, for whoever paid it. */
export const receiptForm = z.object({
  ...receipt,
  attempts: z.array(z.object({ provider: z.string(), answered: z.boolean(), ms: z.number() })),
})

/** The same for the staff, with the deployments that were asked. */
export const operatorReceiptForm = z.object({
  ...receipt,
  deployment: z.string().nullable(),
  attempts: z.array(
    z.object({
      deployment: z.string(),
      fault: z.string().optional().meta({ description: 'Why it did not answer' }),
      status: z.int().optional(),
      ms: z.number(),
      operator_cost: credits.optional(),
    }),
  ),
})
