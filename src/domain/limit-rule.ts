import { PERIODS, type Period } from './calendar.ts'
import type { LimitName, Limits } from './limit.ts'
import { micro, type MicroCredits } from './money.ts'

/** Whose requests are counted. An account above the one that asks is counted as an account, and told to nobody. */
export type Subject =
  | Readonly<{ kind: 'account' | 'key' | 'model' | 'address'; id: string }>
  /** Its parent is on the first level. */
  | Readonly<{ kind: 'above'; id: string; level: number }>

/** One limit of one subject. Its name says what is counted, so that two rules of one name share what was counted. */
export type Rule = RateRule | SpendRule

export type RateRule = Readonly<{
  of: 'requests' | 'tokens' | 'failures'
  name: string
  subject: Subject
  windowMs: number
  limit: number
  /** Where it counts requests to one service alone: its name. */
  service?: string
}>

export type SpendRule = Readonly<{
  of: 'spend'
  name: string
  subject: Subject
  period: Period
  timeZone: string
  limit: MicroCredits
}>

export const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** Field by field: taken over from another object, V8 would see a new form of object in each of them. */
const rateRule = ({ of, subject, windowMs, limit }: Omit<RateRule, 'name'>): RateRule => ({
  of,
  name: rateName({ of, subject, windowMs }),
  subject,
  windowMs,
  limit,
})

const rateName = ({ of, subject, windowMs }: Pick<RateRule, 'of' | 'subject' | 'windowMs'>) =>
  `${nameOf(subject)} ${of} ${windowMs}`

const nameOf = ({ kind, id }: Subject): string => `${kind === 'above' ? 'account' : kind} ${id}`

const spendName = ({
  subject,
  period,
  timeZone,
}: Pick<SpendRule, 'subject' | 'period' | 'timeZone'>) =>
  `${nameOf(subject)} spend ${period} ${timeZone}`

/** Of all rules over spending that a subject may have. */
export const spendNames = (subject: Subject, timeZone: string): readonly string[] =>
  PERIODS.map((period) => spendName({ subject, period, timeZone }))

/** The same, and of those over requests and tokens in a day: all that is to be known over more than a minute. */
export const lastingNames = (subject: Subject, timeZone: string): readonly string[] => [
  rateName({ of: 'requests', subject, windowMs: DAY_MS }),
  rateName({ of: 'tokens', subject, windowMs: DAY_MS }),
  ...spendNames(subject, timeZone),
]

/** Of all that comes from one address, in a minute. */
export const addressRule = (of: RateRule['of'], id: string, limit: number): RateRule =>
  rateRule({ of, subject: { kind: 'address', id }, windowMs: MINUTE_MS, limit })

/** Of what one caller asks of a service, in a minute. */
export const serviceRule = (service: string, subject: Subject, limit: number): RateRule => {
  const rule = { of: 'requests', subject, windowMs: MINUTE_MS, limit } as const
  return { ...rule, service, name: `service ${service} ${rateName(rule)}` }
}

/** The rules of a subject; unlimited is no rule. */
export function rulesOf(subject: Subject, limits: Limits, timeZone: string): readonly Rule[] {
  const rate = (of: RateRule['of'], windowMs: number, limit = 0): readonly Rule[] =>
    limit === 0 ? [] : [rateRule({ of, subject, windowMs, limit })]
  const spend = (period: Period, amount = '0'): readonly Rule[] => {
    const limit = micro(BigInt(amount))
    const name = spendName({ subject, period, timeZone })
    return limit === 0n ? [] : [{ of: 'spend', name, subject, period, timeZone, limit }]
  }
  return [
    ...rate('requests', MINUTE_MS, limits.requestsPerMinute),
    ...rate('requests', DAY_MS, limits.requestsPerDay),
    ...rate('tokens', MINUTE_MS, limits.tokensPerMinute),
    ...rate('tokens', DAY_MS, limits.tokensPerDay),
    ...spend('day', limits.spendPerDay),
    ...spend('week', limits.spendPerWeek),
    ...spend('month', limits.spendPerMonth),
  ]
}

/** What people call it. */
export const limitName = (rule: Rule): LimitName =>
  rule.of === 'spend'
    ? `spend_per_${rule.period}`
    : `${rule.of === 'tokens' ? 'tokens' : 'requests'}_per_${rule.windowMs === MINUTE_MS ? 'minute' : 'day'}`

/** `over` has the first word, and `under` where it has none. */
export const limitsOver = (over: Limits, under: Limits): Limits => ({ ...under, ...over })
