import { formatCredits, micro, parseCredits } from './money.ts'

/**
 * What an account, a key or a model may have. Absent: nothing was said here; 0: as much as they like. It stands like this
 * in the journal, so credit is whole micro-credits as decimal text.
 */
export type Limits = Readonly<{
  /** In any 60 seconds, and in any 24 hours. */
  requestsPerMinute?: number
  requestsPerDay?: number
  tokensPerMinute?: number
  tokensPerDay?: number
  concurrentRequests?: number
  /** By the calendar of the account's time zone; a week begins on Monday. */
  spendPerDay?: string
  spendPerWeek?: string
  spendPerMonth?: string
}>

export const NO_LIMITS: Limits = {}

/** By what people call them in files, over HTTP and on the command line. */
const LIMIT_NAMES = {
  requests_per_minute: 'requestsPerMinute',
  requests_per_day: 'requestsPerDay',
  tokens_per_minute: 'tokensPerMinute',
  tokens_per_day: 'tokensPerDay',
  concurrent_requests: 'concurrentRequests',
  spend_per_day: 'spendPerDay',
  spend_per_week: 'spendPerWeek',
  spend_per_month: 'spendPerMonth',
} as const satisfies Record<string, keyof Limits>

export type LimitName = keyof typeof LIMIT_NAMES
export const LIMITS = Object.keys(LIMIT_NAMES) as readonly LimitName[] // as they stand above
type LimitValues = Readonly<Partial<Record<LimitName, string | number | undefined>>>

const COUNT_MAX = 1_000_000_000_000
const WHOLE = /^(?:0|[1-9][0-9]{0,12})$/

const isSpend = (name: LimitName): boolean => name.startsWith('spend_')

/** What a value must be, in words for whoever wrote another. */
export const limitRule = (name: LimitName): string =>
  isSpend(name)
    ? 'an amount of credits with at most six decimal places, or 0 for unlimited'
    : `a whole number from 0 (unlimited) to ${COUNT_MAX}`

/** Reads one limit as people write it, number or text; undefined when it is none. */
export function parseLimit(name: LimitName, value: unknown): string | number | undefined {
  if (isSpend(name)) return parseCredits(value)?.toString()
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  const text = String(value)
  return WHOLE.test(text) && Number(text) <= COUNT_MAX ? Number(text) : undefined
}

/** Limits of values that `parseLimit` has read. */
export function limitsFrom(values: LimitValues): Limits {
  const said = Object.entries(LIMIT_NAMES).flatMap(([name, field]) => {
    const value = values[name as LimitName]
    return value === undefined ? [] : [[field, value] as const]
  })
  return said.length === 0 ? NO_LIMITS : Object.fromEntries(said)
}

/** The same for people, credit in credits; what was not said is left out. */
export const limitsView = (limits: Limits): Readonly<Partial<Record<LimitName, string | number>>> =>
  Object.fromEntries(
    Object.entries(LIMIT_NAMES).flatMap(([name, field]) => {
      const value = limits[field]
      if (value === undefined) return []
      return [[name, typeof value === 'string' ? formatCredits(micro(BigInt(value))) : value]]
    }),
  )
