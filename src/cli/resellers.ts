import type { PlaceJson } from '../admin/sub-accounts.ts'
import { flagIn } from './accounts.ts'
import { allOf } from './pages.ts'
import type { Given, Option, Resource } from './resource.ts'
import { table } from './table.ts'

const MARKUP: Option = { value: 'SHARE', does: 'on top of its parent’s price: 0.2 is a fifth more' }
const TERMS = {
  markup: MARKUP,
  'sub-accounts-max': { value: 'N', does: 'how many accounts it may have below it, at all levels' },
}

export const resellers: Resource = {
  does: 'accounts that buy for others, and the sub-accounts that they sell to (what they earn: usage --of sub_accounts)',
  actions: {
    list: {
      usage: 'resellers list [--parent ACCOUNT]',
      does: 'Lists resellers and their sub-accounts, in the order of their making.',
      options: { parent: { value: 'ACCOUNT', does: 'the sub-accounts of this one alone' } },
      words: [],
      needed: 0,
      async run(given, ask) {
        const all = await allOf<PlaceJson>(ask, 'list-places', given)
        return { json: all, text: listed(all) }
      },
    },
    open: {
      usage: 'resellers open ACCOUNT --parent ACCOUNT [options]',
      does: 'Opens a sub-account, without credit.',
      options: { parent: { value: 'ACCOUNT', does: 'the account above it' }, ...TERMS },
      words: ['account'],
      needed: 1,
      async run({ account, parent, ...terms }, ask) {
        if (parent === undefined) throw new Error('--parent is missing: the account above it.')
        const wish = { account, parent, ...said(terms) }
        return told((await ask('open-sub-account', wish)) as PlaceJson)
      },
    },
    set: {
      usage: 'resellers set ACCOUNT [options]',
      does: `Changes what is named: the markup and cap of a sub-account, how many accounts may be below it. With
--sub-accounts-max an account becomes a reseller.`,
      options: {
        ...TERMS,
        cap: {
          value: 'CREDITS',
          does: 'the most that it may use up in all; none takes the cap away',
        },
        disabled: { value: 'true|false', does: 'with all accounts below it' },
      },
      words: ['account'],
      needed: 1,
      run: async ({ account, ...terms }, ask) =>
        told((await ask('place-account', { account, ...said(terms) })) as PlaceJson),
    },
    move: {
      usage: 'resellers move ACCOUNT PARENT|none [--markup SHARE]',
      does: 'Puts an account, with all below it, under another or under none; it must have no credit, and no request in flight.',
      options: { markup: MARKUP },
      words: ['account', 'parent'],
      needed: 2,
      question: ({ account, parent }) => `Move '${account}' under '${parent}'?`,
      async run({ account, parent, ...terms }, ask) {
        const above = parent === 'none' ? null : parent
        const wish = { account, parent: above, ...said(terms) }
        return told((await ask('place-account', wish)) as PlaceJson)
      },
    },
  },
}

/** The options in the form of the admin API. */
function said({ markup, cap, 'sub-accounts-max': room, disabled }: Given): object {
  return {
    ...(markup !== undefined && { markup }),
    ...(cap !== undefined && { cap: cap === 'none' ? null : cap }),
    ...(room !== undefined && { sub_accounts_max: Number(room) }),
    ...(disabled !== undefined && { disabled: flagIn(disabled) }),
  }
}

const told = (one: PlaceJson) => ({ json: one, text: listed([one]) })

const listed = (all: readonly PlaceJson[]): string =>
  table(
    ['ACCOUNT', 'BELOW', 'MARKUP', 'CAP', 'USED', 'MAY HAVE', 'CREDITS', 'STATE'],
    all.map((one) => [
      ...[one.account, one.parent ?? '', one.markup, one.cap ?? '', one.used],
      ...[String(one.sub_accounts_max), one.credits.balance, one.disabled ? 'disabled' : ''],
    ]),
  )
