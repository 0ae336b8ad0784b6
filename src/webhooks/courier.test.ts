import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Alert } from '../domain/alert.ts'
import type { Alerts } from '../ports/alerts.ts'
import { Courier } from './courier.ts'
import { rangesOf } from './open-internet.ts'

let asked = 0
let status = 503
const receiver = http.createServer((req, res) => {
  asked++
  res.statusCode = status
  req.resume().once('end', () => res.end())
})
beforeAll(async () => {
  await new Promise<void>((ready) => receiver.listen(0, '127.0.0.1', ready))
})
afterAll(() => receiver.close())

/** A courier with one alert for a receiver, at times that the test says. */
function courierWith(alert: Pick<Alert, 'at'>) {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const one = {
    id: 'evt_1',
    event: 'test',
    subject: 'wh_1',
    facts: {},
    to: ['wh_1'],
    ...alert,
  } as const
  const pending = new Map<string, Alert>([['evt_1', one]])
  const outcomes: string[] = []
  const alerts = {
    webhooks: () => [{ id: 'wh_1', url, events: ['test'], createdAt: 0 }],
    pending: () => pending.values(),
    sent(id: string, _webhook: string, outcome: string) {
      pending.delete(id)
      outcomes.push(outcome)
      return Promise.resolve()
    },
  } as unknown as Alerts
  let ticks = 0
  const clock = { nowMs: () => ticks, ticksMs: () => ticks, after: () => () => undefined }
  const courier = new Courier({
    ...{ alerts, clock, events: { warning: () => undefined }, secretOf: () => 'whsec_x' },
    egress: { resolve: () => Promise.resolve([]), allowed: () => rangesOf(['127.0.0.1']) },
    chance: () => 0.5,
  })
  /** How often the receiver was asked in a round after so long. */
  const roundAfter = async (ms: number): Promise<number> => {
    const before = asked
    ticks += ms
    await courier.round()
    return asked - before
  }
  return { roundAfter, outcomes }
}

test('a receiver that does not take an alert is left alone for five seconds, then for longer each time', async () => {
  status = 503
  const { roundAfter, outcomes } = courierWith({ at: 0 })
  expect(await roundAfter(0)).toBe(1)
  expect(await roundAfter(4_999)).toBe(0)
  expect(await roundAfter(1)).toBe(1)
  expect(await roundAfter(9_999)).toBe(0)
  expect(await roundAfter(1)).toBe(1)
  expect(outcomes).toEqual([])
  status = 200
  expect(await roundAfter(19_999)).toBe(0)
  expect(await roundAfter(1)).toBe(1)
  expect(outcomes).toEqual(['delivered'])
  expect(await roundAfter(60_000)).toBe(0)
})

test('after a day it is given up, and not before', async () => {
  status = 503
  const { roundAfter, outcomes } = courierWith({ at: 0 })
  expect(await roundAfter(24 * 3_600_000)).toBe(1)
  expect(outcomes).toEqual([])
  expect(await roundAfter(5_000)).toBe(1)
  expect(outcomes).toEqual(['gave_up'])
})
