import { expect, test } from 'vitest'
import { micro } from '../domain/money.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { AccountView } from '../ports/ledger.ts'
import { Noted } from './noted.ts'
import { Watch } from './watch.ts'

/** Accounts low below 10 micro-credits, a clock that says how long a look takes, and what was raised. */
function houseOf(names: readonly string[], lookTakesMs: number) {
  const balances = new Map(names.map((name) => [name, 100n]))
  const places = new Map<string, NonNullable<AccountView['reselling']>>()
  const placeOf = (account: string) => {
    const reselling = places.get(account)
    return reselling && { reselling }
  }
  const view = (account: string): AccountView => ({
    ...{ account, tier: 'free', timeZone: 'UTC', limits: {}, createdAt: 0, isDisabled: false },
    ...{ note: '', disabledBy: '', lowCredit: micro(10n) },
    credit: { balance: micro(balances.get(account) ?? 0n), held: micro(0n) },
    ...placeOf(account),
  })
  const raised = new Set<string>()
  let ticks = 0
  let ids = 0
  const noted = new Noted()
  const alerts: Alerts = {
    ...{ webhooks: () => [], hasWebhooks: () => true, pending: () => [] },
    addWebhook: () => Promise.resolve(),
    removeWebhook: () => Promise.resolve(),
    sent: () => Promise.resolve(),
    isRaised: (event, subject) => raised.has(`${event} ${subject}`),
    raise: ({ event, subject, state }) => {
      if (state === 'over') raised.delete(`${event} ${subject}`)
      else raised.add(`${event} ${subject}`)
    },
  }
  const registry = {
    account: view,
    *accounts() {
      ticks += lookTakesMs
      for (const name of names) yield view(name)
    },
    keys: () => [].values(),
  }
  const needs = {
    ...{ alerts, registry, noted, newId: () => `evt_${ids++}`, providers: () => ({}) },
    clock: { nowMs: () => ticks, ticksMs: () => ticks, after: () => () => undefined },
    keyExpiringMs: () => 0,
  }
  let watch = new Watch(needs)
  const restart = () => (watch = new Watch(needs))
  const wait = (ms: number) => (ticks += ms)
  return { balances, places, raised, noted, look: () => watch.look(), wait, restart }
}

test('accounts that requests were charged to are looked at each time, all others as often as their number allows', async () => {
  const { balances, raised, noted, look, wait } = houseOf(['busy', 'quiet'], 50)
  await look()
  for (const name of ['busy', 'quiet']) balances.set(name, 5n)
  noted.moved.add('busy')
  wait(2_000)
  await look()
  expect([...raised]).toEqual(['low_credit busy'])
  wait(3_000) // all in all a hundred times as long as the look took
  await look()
  expect([...raised]).toEqual(['low_credit busy', 'low_credit quiet'])
})

test('an account that could not pay for a request is short until it has more, and a restart changes nothing of it', async () => {
  const { balances, raised, noted, look, wait, restart } = houseOf(['poor'], 0)
  balances.set('poor', 7n)
  await look()
  expect(raised).not.toContain('credit_used_up poor')
  noted.short.add('poor')
  await look()
  expect(raised).toContain('credit_used_up poor')
  for (const again of [() => wait(2_000), restart]) {
    again()
    await look()
    expect(raised).toContain('credit_used_up poor')
  }
  balances.set('poor', 8n)
  wait(2_000)
  await look()
  expect(raised).not.toContain('credit_used_up poor')
})

const PLACE = {
  parent: undefined,
  markup: '0',
  subAccountsMax: 0,
  cap: undefined,
  used: micro(48n),
}

test('those above an account that requests were charged to are looked at with it: they paid, too', async () => {
  const { balances, places, raised, noted, look, wait } = houseOf(['shop', 'reseller'], 50)
  places.set('shop', { ...PLACE, parent: 'reseller' })
  await look()
  balances.set('reseller', 5n)
  noted.moved.add('shop')
  wait(2_000) // too soon for a look at all
  await look()
  expect([...raised]).toEqual(['low_credit reseller'])
})

test('a sub-account that its cap stops has reached its budget, and its credit is not used up', async () => {
  const { places, raised, noted, look, wait } = houseOf(['shop'], 0)
  places.set('shop', { ...PLACE, cap: micro(50n) })
  noted.short.add('shop')
  await look()
  expect([...raised]).toEqual(['budget_reached shop'])
  places.set('shop', { ...PLACE, cap: micro(500n) })
  wait(2_000)
  await look()
  expect([...raised]).toEqual([])
})
