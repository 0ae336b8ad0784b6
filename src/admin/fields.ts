// The words and numbers that operators send, each a schema: what is read by it, and what the documentation says of it.
import { z } from 'zod'
import { ACCOUNT_NAME } from '../domain/account.ts'
import { limitRule, limitsFrom, parseLimit, type LimitName } from '../domain/limit.ts'
import { parseCredits, parseSignedCredits, type MicroCredits } from '../domain/money.ts'
import { STAFF_ROLES } from '../domain/role.ts'
import { isTimeZone } from '../domain/time-zone.ts'

/** A form of JSON whose values are read by a function that answers undefined for what is none. */
const readBy = <Form extends z.ZodType, T>(
  form: Form,
  parse: (value: z.output<Form>) => T | undefined,
  rule: string,
) =>
  form.transform((value, context): T => {
    const read = parse(value)
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: rule })
    return z.NEVER
  })

const amountForm = (rule: string) =>
  z
    .union([z.string(), z.number()], { error: missingOr(rule) })
    .meta({ description: 'Credits: a decimal string, or a whole number', example: '25.5' })

/** What is not there is missing, rather than wrong. */
const missingOr =
  (rule: string) =>
  ({ input }: { input?: unknown }): string =>
    input === undefined ? MISSING : rule
export const MISSING = 'is missing.'

const FORM =
  'a decimal string with at most six places, or a whole number, of at most 9000000000000 credits'
const ABOVE_ZERO = `must be above zero: ${FORM}.`
const NOT_ZERO = `must not be zero: ${FORM}, with a minus in front where credit is taken.`
const NOT_NEGATIVE = `must not be negative: ${FORM}.`

const unless =
  (parse: (value: unknown) => MicroCredits | undefined, isWrong: (amount: bigint) => boolean) =>
  (value: unknown): MicroCredits | undefined => {
    const amount = parse(value)
    return amount === undefined || isWrong(amount) ? undefined : amount
  }

export const amountAboveZero = readBy(
  amountForm(ABOVE_ZERO),
  unless(parseCredits, (amount) => amount <= 0n),
  ABOVE_ZERO,
)
export const signedAmount = readBy(
  amountForm(NOT_ZERO),
  unless(parseSignedCredits, (amount) => amount === 0n),
  NOT_ZERO,
)
export const amount = readBy(amountForm(NOT_NEGATIVE), parseCredits, NOT_NEGATIVE)

const text = (rule: string) => z.string({ error: missingOr(rule) })

const NAME_RULE = 'must be the name of an account: 1 to 64 letters, digits or ._@+-.'
export const accountName = text(NAME_RULE)
  .regex(ACCOUNT_NAME, NAME_RULE)
  .meta({ description: 'The name of an account', example: 'anna' })

const REQUEST_RULE = 'must be a request id, such as req_0123456789ab1000000000.'
export const requestId = text(REQUEST_RULE).regex(/^[A-Za-z0-9_-]{1,64}$/, REQUEST_RULE)

/** Line breaks and other control characters, halves of characters, and marks that turn the reading direction. */
const UNREADABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

const line = (charsMax: number) => {
  const rule = `must be one line of at most ${charsMax} characters, without control characters.`
  return text('must be a string.')
    .max(charsMax, rule)
    .refine((words) => !UNREADABLE.test(words), rule)
    .transform((words) => words.trim())
}
export const reason = line(500).meta({ description: 'Why: kept in the books' })
export const note = line(2_000).meta({ description: 'For operators alone' })

const ZONE_RULE = 'must be a name of the time zone database, such as Europe/Berlin or UTC.'
export const timeZone = text(ZONE_RULE)
  .refine(isTimeZone, ZONE_RULE)
  .meta({ description: 'By whose days its usage is shown', example: 'Europe/Berlin' })

export const tier = text('must be a string.')
  .min(1, 'must not be empty.')
  .meta({ description: 'A tier of the configuration', example: 'free' })

const MODELS_RULE = 'must be a list of model names.'
export const models = z
  .array(z.string({ error: MODELS_RULE }), { error: missingOr(MODELS_RULE) })
  .max(1_000, 'must name at most 1000 models.')
  .meta({ description: 'The only models it may use, by name or by a pattern such as `gpt-*`' })

const TAGS_RULE = 'must be a list of at most 20 words of at most 64 letters, digits or ._:@/+-.'
export const tags = z
  .array(z.string({ error: TAGS_RULE }).regex(/^[\w.:@/+-]{1,64}$/, TAGS_RULE), {
    error: missingOr(TAGS_RULE),
  })
  .max(20, TAGS_RULE)
  .meta({ description: 'Words of your own, to find it by' })

const TIME_RULE = 'must be a date such as 2027-01-31 or 2027-01-31T12:00:00Z.'
/** A date, with or without a time, or milliseconds since 1970. */
export const moment = readBy(
  z
    .union([z.string(), z.number()], { error: missingOr(TIME_RULE) })
    .meta({ description: 'A date, or a date and a time', example: '2027-01-31' }),
  (value) => {
    const time = typeof value === 'string' ? Date.parse(value) : value
    return Number.isSafeInteger(time) && time > 0 && time < 8.64e15 ? time : undefined
  },
  TIME_RULE,
)

const ROLE_RULE = `must be one of ${STAFF_ROLES.join(', ')}.`
export const staffRole = z.enum(STAFF_ROLES, { error: missingOr(ROLE_RULE) })

const limit = (name: LimitName) =>
  readBy(
    z.union([z.string(), z.number()], { error: `must be ${limitRule(name)}.` }),
    (value) => parseLimit(name, value),
    `must be ${limitRule(name)}.`,
  ).optional()

/** Those that are not named are the tier's, of an account; of a key there are none. */
export const limits = z
  .strictObject({
    requests_per_minute: limit('requests_per_minute'),
    requests_per_day: limit('requests_per_day'),
    tokens_per_minute: limit('tokens_per_minute'),
    tokens_per_day: limit('tokens_per_day'),
    concurrent_requests: limit('concurrent_requests'),
    spend_per_day: limit('spend_per_day'),
    spend_per_week: limit('spend_per_week'),
    spend_per_month: limit('spend_per_month'),
  })
  .transform(limitsFrom)
  .meta({
    description: 'In place of those that it has; 0 is unlimited',
    example: { requests_per_minute: 60, spend_per_month: '500' },
  })

const DURATION = /^([1-9][0-9]{0,5})([mhdw])$/
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** "30d" from now. */
export function durationMs(words: string): number | undefined {
  const [, count, unit] = DURATION.exec(words) ?? []
  return unit === undefined ? undefined : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
}

const DURATION_RULE = 'must be a time such as 5m, 12h, 30d or 8w, or 0.'
export const duration = readBy(
  text(DURATION_RULE).meta({ description: 'A time such as 12h; 0 is at once', example: '12h' }),
  (words) => (words === '0' ? 0 : durationMs(words)),
  DURATION_RULE,
)
