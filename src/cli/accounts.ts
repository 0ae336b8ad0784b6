import type { AccountJson } from '../admin/accounts.ts'
import type { Given, Option, Resource } from './resource.ts'
import { allOf } from './pages.ts'
import { table } from './table.ts'

const SETTINGS: Readonly<Record<string, Option>> = {
  tier: { value: 'TIER', does: 'a tier of the configuration' },
  'time-zone': { value: 'NAME', does: 'whose days its usage is shown by: Europe/Berlin, or UTC' },
  disabled: { value: 'true|false', does: 'a disabled account spends nothing, from this moment on' },
  note: { value: 'TEXT', does: 'for operators alone' },
  'low-credit': { value: 'CREDITS', does: 'below it the account is low on credit; 0 is never' },
  limits: { value: 'NAME=N,…', does: 'such as requests_per_minute=60,spend_per_month=500' },
}

export const accounts: Resource = {
  does: 'accounts, apart from their credit',
  actions: {
    list: {
      usage: 'accounts list [options]',
      does: 'Lists accounts, in the order of their making.',
      options: {
        tier: { value: 'TIER', does: 'of this tier' },
        disabled: { value: 'true|false', does: 'disabled or not' },
        low: { value: 'true', does: 'those that are low on credit' },
        begins: { value: 'TEXT', does: 'whose name begins like this' },
      },
      words: [],
      needed: 0,
      async run(given, ask) {
        const all = await allOf<AccountJson>(ask, 'list-accounts', given)
        const rows = all.map((one) => [
          ...[one.account, one.tier, one.credits.balance, one.credits.held],
          ...[one.disabled ? 'disabled' : '', one.note],
        ])
        const text = table(['ACCOUNT', 'TIER', 'CREDITS', 'HELD', 'STATE', 'NOTE'], rows)
        return { json: all, text }
      },
    },
    open: {
      usage: 'accounts open ACCOUNT [options]',
      does: 'Opens an account, without credit.',
      options: SETTINGS,
      words: ['account'],
      needed: 1,
      run: async (given, ask) =>
        told(
          (await ask('open-account', { account: given['account'], ...said(given) })) as AccountJson,
        ),
    },
    set: {
      usage: 'accounts set ACCOUNT [options]',
      does: 'Changes what is named, and leaves the rest.',
      options: SETTINGS,
      words: ['account'],
      needed: 1,
      run: async (given, ask) =>
        told(
          (await ask('set-account', { account: given['account'], ...said(given) })) as AccountJson,
        ),
    },
  },
}

const told = (one: AccountJson) => ({
  json: one,
  text: table(
    ['ACCOUNT', 'TIER', 'TIME ZONE', 'CREDITS', 'STATE'],
    [
      [
        one.account,
        one.tier,
        one.time_zone,
        one.credits.balance,
        one.disabled ? 'disabled' : 'open',
      ],
    ],
  ),
})

/** The options in the form of the admin API. */
function said({ tier, note, disabled, limits, ...given }: Given): object {
  const { 'time-zone': zone, 'low-credit': low } = given
  return {
    ...(tier !== undefined && { tier }),
    ...(note !== undefined && { note }),
    ...(zone !== undefined && { time_zone: zone }),
    ...(low !== undefined && { low_credit: low }),
    ...(limits !== undefined && { limits: limitsIn(limits) }),
    ...(disabled !== undefined && { disabled: flagIn(disabled) }),
  }
}

const FLAGS = new Map([
  ['true', true],
  ['false', false],
])

/** What is neither is left to the form to refuse. */
export const flagIn = (text: string): boolean | string => FLAGS.get(text) ?? text

/** `requests_per_minute=60,spend_per_day=5` */
export const limitsIn = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split(',')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const [name = '', value = ''] = pair.split('=')
        return [name.trim(), value.trim()]
      }),
  )
