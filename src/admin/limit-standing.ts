import { Failure } from '../domain/failure.ts'
import { lineOf, type KeyRecord } from '../domain/key.ts'
import { limitName } from '../domain/limit-rule.ts'
import type { Model } from '../domain/model.ts'
import { formatCredits, micro } from '../domain/money.ts'
import type { Keys } from '../ports/keys.ts'
import type { AccountView } from '../ports/ledger.ts'
import type { RuleState } from '../ports/limiter.ts'

/** How many requests at a time; 0 is unlimited. */
type Rooms = Readonly<{
  keyInFlightMax: number
  accountInFlightMax: number
  /** Parent first; undefined where nobody is above. */
  above: readonly Readonly<{ account: string; inFlightMax: number }>[] | undefined
}>

/** How many requests there are at this moment: of a key, of an account with all below it. */
export type InFlight = (kind: 'key' | 'account', id: string) => number

type Needs = Readonly<{
  accountOf: (id: string) => AccountView | undefined
  keys: Pick<Keys, 'withId'>
  /** By any of its names. */
  modelOf: (name: string) => Model | undefined
  limits: Readonly<{
    states: (key: KeyRecord) => Promise<readonly RuleState[]>
    modelStates: (model: Model) => Promise<readonly RuleState[]>
    allowanceOf: (key: KeyRecord) => Readonly<{ room: Rooms }>
  }>
  inFlight: InFlight
  nowMs: () => number
}>

/** One limit: what it is, what was had of it, and what of it is left. Credit is in credits. */
type Stand = Readonly<{
  limit: number | string
  used: number | string
  remaining: number | string
  resets_at?: string
}>
/** By their names; what is unlimited is not there. */
type Standing = Readonly<Record<string, Stand>>

export type LimitStanding = ReturnType<typeof limitStanding>
export type LimitsJson = Awaited<ReturnType<LimitStanding['ofAccount']>>
export type ModelLimitsJson = Awaited<ReturnType<LimitStanding['ofModel']>>
export type KeyLimitsJson = Awaited<ReturnType<LimitStanding['ofKey']>>

/** How limits stand at this moment: of a model; of an account or a key, and of the accounts above, whose limits are theirs, too. */
export function limitStanding(needs: Needs) {
  const { accountOf, keys } = needs
  return {
    of: (key: KeyRecord) => standingOf(needs, key),
    async ofAccount(account: string) {
      if (accountOf(account) === undefined)
        throw new Failure('not_found', 'There is no such account.', { param: 'account' })
      const { account: own, above } = await standingOf(needs, anyKeyOf(account))
      return { object: 'limits', ...own, above }
    },
    async ofKey(id: string) {
      const key = keys.withId(id)
      if (key === undefined || accountOf(key.account) === undefined)
        throw new Failure('not_found', 'There is no key of this id that spends anything.')
      const { limits, account, above } = await standingOf(needs, key)
      return { object: 'limits', key: id, limits, account, above }
    },
    async ofModel(name: string) {
      const model = needs.modelOf(name)
      if (model === undefined)
        throw new Failure('model_not_found', 'There is no such model.', { param: 'model' })
      const states = await needs.limits.modelStates(model)
      const limits = standing(states, { most: UNLIMITED, now: 0, nowMs: needs.nowMs() })
      return { object: 'limits', model: name, answered_by: model.id, limits }
    },
  }
}

/** A key without limits of its own has those of its account. */
const anyKeyOf = (account: string): KeyRecord => ({
  ...{ id: '', hash: '', hint: '', account, role: 'user', createdAt: 0 },
})

async function standingOf(needs: Needs, key: KeyRecord) {
  const { limits, inFlight, accountOf } = needs
  const states = await limits.states(key)
  const { room } = limits.allowanceOf(key)
  const nowMs = needs.nowMs()
  const ofKind = (kind: string, id: string): readonly RuleState[] =>
    states.filter(({ rule }) => rule.subject.kind === kind && rule.subject.id === id)
  const ofAccount = (account: string, most: number, rules: readonly RuleState[]) => ({
    ...{ account, tier: accountOf(account)?.tier ?? '' },
    limits: standing(rules, { most, now: inFlight('account', account), nowMs }),
  })
  const { keyInFlightMax, accountInFlightMax, above = [] } = room
  return {
    limits: standing(ofKind('key', lineOf(key)), {
      ...{ most: keyInFlightMax, now: inFlight('key', lineOf(key)), nowMs },
    }),
    account: ofAccount(key.account, accountInFlightMax, ofKind('account', key.account)),
    above: above.map(({ account, inFlightMax }) =>
      ofAccount(account, inFlightMax, ofKind('above', account)),
    ),
  }
}

/** At a time; a model has none of these. */
const UNLIMITED = 0

type Requests = Readonly<{ most: number; now: number; nowMs: number }>

function standing(states: readonly RuleState[], { most, now, nowMs }: Requests): Standing {
  const rates = states.map(({ rule, used, left, resetMs }): [string, Stand] => {
    const resetsAt = new Date(nowMs + resetMs).toISOString()
    const stand = { limit: shown(rule.limit), used: shown(used), remaining: shown(left) }
    return [limitName(rule), { ...stand, resets_at: resetsAt }]
  })
  const remaining = Math.max(most - now, 0)
  if (most > 0) rates.push(['concurrent_requests', { limit: most, used: now, remaining }])
  return Object.fromEntries(rates)
}

const shown = (value: number | bigint): number | string =>
  typeof value === 'bigint' ? formatCredits(micro(value)) : value
