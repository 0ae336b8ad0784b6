import type { AccountJson } from '../admin/accounts.ts'
import type { KeyLimitsJson, LimitsJson, ModelLimitsJson } from '../admin/limit-standing.ts'
import type { KeyAdmin } from '../admin/keys.ts'
import { limitsIn } from './accounts.ts'
import { allOf } from './pages.ts'
import type { ModelJson } from '../admin/model-view.ts'
import type { Ask, Resource, Result } from './resource.ts'
import { table } from './table.ts'

type Named = Readonly<Record<string, string | number>>
type TierJson = Readonly<{ tier: string; limits: Named }>
type KeyJson = ReturnType<KeyAdmin['view']>
type Limited = Readonly<{ of: 'tier' | 'model' | 'account' | 'key'; id: string; limits: Named }>

export const limits: Resource = {
  does: 'how much accounts, keys and models may have: requests, tokens and spending',
  actions: {
    list: {
      usage: 'limits list [ACCOUNT]',
      does: `Lists the limits of the tiers, and of the models, accounts and keys that have some of their own; or those that hold
for one account. An account's stand in place of its tier's, a key's besides them; 0 is unlimited.`,
      options: {},
      words: ['account'],
      needed: 0,
      async run({ account }, ask) {
        const all = account === undefined ? await ofAll(ask) : await ofOne(ask, account)
        return { json: all, text: listed(all) }
      },
    },
    show: {
      usage: 'limits show ACCOUNT [--key KEY_ID] | --model MODEL',
      does: `Shows how the limits of an account stand at this moment, of its keys that have some of their own, and of the accounts
above it, whose limits are for all below them: what was used, what is left, and when it is free again. Or how those of a model
stand, which are for all its callers together.`,
      options: {
        key: { value: 'KEY_ID', does: 'of this key of it alone, and its account’s' },
        model: { value: 'MODEL', does: 'of this model, and of no account' },
      },
      words: ['account'],
      needed: 0,
      async run({ account, key, model }, ask) {
        if (model !== undefined) return ofModel(ask, model, account ?? key)
        if (account === undefined) throw new Error('Name an account, or a model with --model.')
        const own = (await ask('account-limits', { account })) as LimitsJson
        const keys = key === undefined ? await limitedKeys(ask, account) : [key]
        const ofKeys: KeyLimitsJson[] = []
        for (const one of keys)
          ofKeys.push((await ask('key-limits', { key: one })) as KeyLimitsJson)
        const strange = ofKeys.find((one) => one.account.account !== account)
        if (strange !== undefined) throw new Error(`${strange.key} is no key of '${account}'.`)
        const all = { ...own, keys: ofKeys.map((one) => ({ key: one.key, limits: one.limits })) }
        return { json: all, text: standing(all) }
      },
    },
    set: {
      usage: 'limits set ACCOUNT NAME=N,… [--key KEY_ID]',
      does: `Sets the limits of an account, or of one of its keys, in place of all that it had: such as
requests_per_minute=60,spend_per_month=500. From this moment on.`,
      options: { key: { value: 'KEY_ID', does: 'of this key of it' } },
      words: ['account', 'limits'],
      needed: 2,
      async run({ account = '', limits: text = '', key }, ask) {
        const limits = limitsIn(text)
        if (key === undefined) await ask('set-account', { account, limits })
        else await ask('set-key', { key, limits })
        const all = await ofOne(ask, account)
        return { json: all, text: listed(all) }
      },
    },
  },
}

async function ofModel(ask: Ask, model: string, other: string | undefined): Promise<Result> {
  if (other !== undefined)
    throw new Error('A model has the same limits for all: name it without an account and a key.')
  const all = (await ask('model-limits', { model })) as ModelLimitsJson
  return { json: all, text: standingTable(rowsOf('model', all.answered_by, all.limits)) }
}

const tiersOf = async (ask: Ask): Promise<readonly Limited[]> =>
  ((await ask('list-tiers', {})) as readonly TierJson[]).map(({ tier, limits }) => ({
    ...{ of: 'tier', id: tier, limits },
  }))

async function ofAll(ask: Ask): Promise<readonly Limited[]> {
  const accounts = await allOf<AccountJson>(ask, 'list-accounts', {})
  const keys = await allOf<KeyJson>(ask, 'list-keys', { state: 'active' })
  const models = (await ask('list-models', {})) as readonly ModelJson[]
  return [
    ...(await tiersOf(ask)),
    ...[...models.map(ofEach), ...accounts.map(ofAccount), ...keys.map(ofKey)].filter(hasSome),
  ]
}

async function ofOne(ask: Ask, name: string): Promise<readonly Limited[]> {
  const found = await allOf<AccountJson>(ask, 'list-accounts', { begins: name })
  const account = found.find((one) => one.account === name)
  if (account === undefined) throw new Error(`There is no account '${name}'.`)
  const keys = await allOf<KeyJson>(ask, 'list-keys', { account: name, state: 'active' })
  const tiers = (await tiersOf(ask)).filter(({ id }) => id === account.tier)
  return [...tiers, ofAccount(account), ...keys.map(ofKey).filter(hasSome)]
}

/** Those that have some of their own; the others have what their account has. */
async function limitedKeys(ask: Ask, account: string): Promise<readonly string[]> {
  const keys = await allOf<KeyJson>(ask, 'list-keys', { account, state: 'active' })
  return keys
    .map(ofKey)
    .filter(hasSome)
    .map(({ id }) => id)
}

const ofAccount = ({ account, limits }: AccountJson): Limited => ({
  ...{ of: 'account', id: account, limits },
})
const ofEach = ({ id, limits }: ModelJson): Limited => ({ of: 'model', id, limits })
const ofKey = ({ id, limits }: KeyJson): Limited => ({ of: 'key', id, limits })
const hasSome = ({ limits }: Limited): boolean => Object.keys(limits).length > 0

const listed = (all: readonly Limited[]): string =>
  table(
    ['OF', 'NAME', 'LIMITS'],
    all.map(({ of, id, limits }) => [
      ...[of, id],
      Object.entries(limits)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ]),
  )

type Standing = LimitsJson & Readonly<{ keys: readonly Pick<KeyLimitsJson, 'key' | 'limits'>[] }>

function standing({ account, limits, keys, above }: Standing): string {
  return standingTable([
    ...rowsOf('account', account, limits),
    ...keys.flatMap((one) => rowsOf('key', one.key, one.limits)),
    ...above.flatMap((one) => rowsOf('above', one.account, one.limits)),
  ])
}

const rowsOf = (of: string, id: string, all: LimitsJson['limits']): string[][] =>
  Object.entries(all).map(([name, one]) => [
    ...[of, id, name, String(one.limit), String(one.used), String(one.remaining)],
    one.resets_at ?? '',
  ])

const standingTable = (rows: readonly (readonly string[])[]): string =>
  table(['OF', 'NAME', 'LIMIT', 'ALLOWED', 'USED', 'LEFT', 'FREE AGAIN'], rows)
