import { expect, test } from 'vitest'
import { micro } from '../domain/money.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { Events } from '../ports/events.ts'
import { alerting } from './alerting.ts'
import { Noted } from './noted.ts'

const DAY_MS = 86_400_000
const nothing = (): void => undefined

/** What is raised when requests are refused for a cap of 1000 credits a day, at a time of this day. */
function house() {
  const raised: { id: string; event: string; subject: string }[] = []
  const alerts = {
    hasWebhooks: () => true,
    raise: ({ id, event, subject }: (typeof raised)[number]) => raised.push({ id, event, subject }),
  } as unknown as Alerts
  let [nowMs, ids] = [DAY_MS / 2, 0]
  const events = { requestEnded: nothing, requestRefused: nothing } as unknown as Events
  const listening = alerting(events, {
    ...{ alerts, clock: { nowMs: () => nowMs }, noted: new Noted() },
    newId: (call) => call ?? `evt_${ids++}`,
    largeCharge: () => micro(0n),
  })
  const refuse = (account: string, amount = '1000') => {
    const cap = {
      kind: 'account',
      subject: account,
      period: 'day',
      limit: 'spend_per_day',
    } as const
    const endsInMs = DAY_MS - (nowMs % DAY_MS)
    listening.requestRefused({
      ...{ requestId: 'req_1', code: 'rate_limit_exceeded', message: '' },
      short: { of: 'spending', ...cap, amount, endsInMs },
    })
  }
  return { raised, refuse, pass: (ms: number) => (nowMs += ms) }
}

test('a cap on spending is told once a day, however many requests it refuses, and again when it is another', () => {
  const { raised, refuse, pass } = house()
  for (let count = 0; count < 5; count++) refuse('acme')
  pass(3_600_000)
  refuse('acme')
  expect(raised).toMatchObject([{ event: 'budget_reached', subject: 'acme' }])
  refuse('other')
  refuse('acme', '2000')
  expect(raised).toHaveLength(3)
  pass(DAY_MS)
  refuse('acme')
  expect(raised).toHaveLength(4)
  expect(new Set(raised.map(({ id }) => id)).size).toBe(4)
})

test('after a restart it may come again, under the id that its receiver knows', () => {
  const [before, after] = [house(), house()]
  before.refuse('acme')
  after.pass(3_600_000)
  after.refuse('acme')
  expect(after.raised).toEqual(before.raised)
})
