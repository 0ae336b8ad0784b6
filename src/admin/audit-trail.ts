import { isAct, type ActEntry } from '../domain/act.ts'
import { invalidRequest } from '../domain/failure.ts'
import { limitsView } from '../domain/limit.ts'
import { formatCredits, micro } from '../domain/money.ts'
import type { AccountSettings, KeyChange, PlaceSettings } from '../domain/register.ts'
import {
  isTrailKind,
  TRAIL_KINDS,
  type TrailEntry,
  type TrailPage,
  type TrailQuery,
} from '../domain/trail.ts'

const PARAMETERS = ['account', 'kind', 'by', 'limit', 'cursor']
const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000

/** Reads the question for a page of the trail, from an address or a command line. */
export function parseTrailQuery(
  given: Readonly<Record<string, string | undefined>>,
  before = Number.MAX_SAFE_INTEGER,
): TrailQuery {
  for (const name of Object.keys(given)) {
    if (!PARAMETERS.includes(name))
      throw invalidRequest(`There is no '${name}'. There are: ${PARAMETERS.join(', ')}.`, name)
  }
  const { account, kind, by, limit } = given
  if (kind !== undefined && !isTrailKind(kind))
    throw invalidRequest(`'kind' must be one of ${TRAIL_KINDS.join(', ')}.`, 'kind')
  return {
    ...(account !== undefined && { account }),
    ...(kind !== undefined && { kind }),
    ...(by !== undefined && { by }),
    ...{ before, limit: limitIn(limit) },
  }
}

function limitIn(text: string | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT
  const limit = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : LIMIT_MAX + 1
  if (limit <= LIMIT_MAX) return limit
  throw invalidRequest(`'limit' must be a whole number from 1 to ${LIMIT_MAX}.`, 'limit')
}

/** Where the next page begins; undefined after the last. */
export const nextBefore = ({ rows, hasMore }: TrailPage): number | undefined =>
  hasMore ? rows.at(-1)?.seq : undefined

export const trailView = ({ rows, hasMore }: TrailPage) => ({
  object: 'audit_trail',
  data: rows.map(({ seq, entry }) => ({
    ...{ seq, at: new Date(entry.at).toISOString(), kind: entry.kind },
    ...{ by: entry.by ?? null, ...factsOf(entry) },
  })),
  has_more: hasMore,
})

/** What was done, without what is secret: a key's hash is of no use to anybody. */
function factsOf(entry: TrailEntry) {
  if (isAct(entry)) return actFacts(entry)
  switch (entry.kind) {
    case 'account':
      return {
        account: entry.account,
        tier: entry.tier,
        ...accountFacts(entry),
        ...placeFacts(entry),
      }
    case 'key':
      return {
        ...{ account: entry.account, key: entry.ref, hint: entry.hint, role: entry.role },
        ...keyFacts(entry),
      }
    case 'key-changed':
      return { account: entry.account, key: entry.ref, ...keyFacts(entry) }
    case 'key-revoked':
      return { account: entry.account, key: entry.ref }
    case 'switch':
      return { target: entry.target, state: entry.state }
    case 'user':
      return { account: entry.account, user: entry.ref, role: entry.role }
    case 'user-removed':
      return { account: entry.account, user: entry.ref }
    case 'session-ended':
      return { account: entry.account, until: new Date(entry.until).toISOString() }
    case 'webhook':
      return { webhook: entry.ref, url: entry.url, events: entry.events }
    case 'webhook-removed':
      return { webhook: entry.ref }
    case 'code':
      return {
        ...{ code: entry.ref, series: entry.series, hint: entry.hint },
        ...{ amount: formatCredits(micro(BigInt(entry.amount))), note: entry.note ?? '' },
      }
    case 'code-revoked':
      return { code: entry.ref }
    case 'transfer': {
      const [from, to] = entry.legs
      return { from: from.account, to: to.account, ...moneyOf(entry) }
    }
    case 'refund':
      return { account: entry.account, request: entry.request, ...moneyOf(entry) }
    case 'credit':
    case 'debit':
    case 'adjust':
      return { account: entry.account, ...moneyOf(entry) }
  }
}

const accountFacts = ({ timeZone, limits, isDisabled, note, lowCredit }: AccountSettings) => ({
  time_zone: timeZone ?? null,
  ...(limits !== undefined && { limits: limitsView(limits) }),
  ...(isDisabled !== undefined && { disabled: isDisabled }),
  ...(note !== undefined && { note }),
  ...(lowCredit !== undefined && { low_credit: formatCredits(micro(BigInt(lowCredit))) }),
})

const placeFacts = ({ parent, markup, subAccountsMax, cap }: PlaceSettings) => ({
  ...(parent !== undefined && { parent: parent === '' ? null : parent }),
  ...(markup !== undefined && { markup }),
  ...(subAccountsMax !== undefined && { sub_accounts_max: subAccountsMax }),
  ...(cap !== undefined && { cap: cap === '' ? null : formatCredits(micro(BigInt(cap))) }),
})

function actFacts(entry: ActEntry) {
  switch (entry.kind) {
    case 'session-begun':
      return { account: entry.account, until: new Date(entry.until).toISOString() }
    case 'config-reloaded':
      return { is_in_force: entry.problems === 0, problems: entry.problems }
    case 'webhook-tested':
      return { webhooks: entry.webhooks }
  }
}

const keyFacts = ({ expiresAt, models, limits, tags }: KeyChange) => ({
  ...(expiresAt !== undefined && {
    expires_at: expiresAt === 0 ? null : new Date(expiresAt).toISOString(),
  }),
  ...(models !== undefined && { models }),
  ...(limits !== undefined && { limits: limitsView(limits) }),
  ...(tags !== undefined && { tags }),
})

const moneyOf = ({ ref, amount, reason }: { ref: string; amount: string; reason: string }) => ({
  ...{ id: ref, amount: formatCredits(micro(BigInt(amount))), reason },
})
