import { Failure, type Short } from '../domain/failure.ts'
import {
  limitName,
  MINUTE_MS,
  type RateRule,
  type Rule,
  type SpendRule,
} from '../domain/limit-rule.ts'
import { formatCredits, micro, ZERO } from '../domain/money.ts'
import { RUNNING_MS, type Claim, type Refusal } from '../ports/limiter.ts'
import { durationText } from './limit-headers.ts'

/** Which limit it is, and when there is room again. */
export function limitRefusal(refusal: Refusal, claim: Claim): Failure {
  const { rule, waitMs } = refusal
  const words = wordsFor(rule, refusal, claim)
  const advice = waitMs === Infinity ? '' : ` Try again in ${durationText(waitMs)}${orLess(rule)}.`
  const short = shortOf(refusal)
  return new Failure('rate_limit_exceeded', words + advice, {
    retryAfterMs: waitMs,
    ...(short && { short }),
  })
}

/** Where only what runs stands in the way, or the request is too large for any day, the cap is not reached. */
function shortOf({ rule, waitMs }: Refusal): Short | undefined {
  if (rule.of !== 'spend' || waitMs === Infinity || waitMs <= RUNNING_MS) return undefined
  const { kind, id: subject } = rule.subject
  if (kind === 'address') return undefined
  return {
    ...{ of: 'spending', kind: kind === 'above' ? 'account' : kind, subject, period: rule.period },
    ...{ limit: limitName(rule), amount: formatCredits(rule.limit), endsInMs: waitMs },
  }
}

function wordsFor(rule: Rule, refusal: Refusal, claim: Claim): string {
  if (rule.subject.kind === 'above') return aboveWords(refusal)
  return rule.of === 'spend' ? spendWords(rule, refusal, claim) : rateWords(rule, refusal, claim)
}

/** Whose limit it is, and how much of it is left, is not the caller's business. */
const aboveWords = ({ waitMs }: Refusal): string =>
  waitMs === Infinity
    ? 'This request is larger than whoever gave you your key may let through. Send a shorter one, or ask for a smaller max_tokens.'
    : 'Whoever gave you your key can let no more of this through at the moment.'

/** Less of it may fit at once. */
const orLess = ({ of }: Rule): string =>
  of === 'tokens' || of === 'spend' ? ', or ask for a smaller max_tokens' : ''

const WHOSE = {
  account: 'Your account',
  key: 'Your key',
  address: 'Your address',
  above: 'Whoever gave you your key',
} as const

function whose({ subject }: Rule): string {
  if (subject.kind === 'model') return `All callers of '${subject.id}' together`
  return WHOSE[subject.kind]
}

function rateWords(rule: RateRule, { left, waitMs }: Refusal, { tokens }: Claim): string {
  const time = rule.windowMs === MINUTE_MS ? 'a minute' : 'in 24 hours'
  if (rule.of !== 'tokens') {
    const where = rule.service === undefined ? '' : ` to '${rule.service}'`
    return `${whose(rule)} may make ${rule.limit} requests ${time}${where}.`
  }
  const limit = `${whose(rule)} may use ${rule.limit} tokens ${time}`
  return waitMs === Infinity
    ? `${limit}, and this request alone could take ${tokens}. Send a shorter one, or ask for a smaller max_tokens.`
    : `${limit}; ${left} are left, and this request could take ${tokens}.`
}

function spendWords(rule: SpendRule, { left, waitMs }: Refusal, { spend }: Claim): string {
  const limit = `${whose(rule)} may spend ${formatCredits(rule.limit)} credits a ${rule.period} (${rule.timeZone})`
  const cost = formatCredits(typeof spend === 'bigint' ? spend : (spend[0] ?? ZERO))
  return waitMs === Infinity
    ? `${limit}, and this request alone could cost ${cost}. Send a shorter one, or ask for a smaller max_tokens.`
    : `${limit}; ${formatCredits(micro(BigInt(left)))} are left, and this request could cost ${cost}.`
}
