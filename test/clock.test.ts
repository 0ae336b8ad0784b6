// The machine's clock is set while the gateway runs: forward an hour, and then back to what is as far behind.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { configFor } from './support/house.ts'
import { untilLogged } from './support/journal.ts'
import { planted } from './support/planted.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

const TIERS = `tiers:
  free: { requests_per_minute: 0 }
  minute: { requests_per_minute: 1 }
  day: { requests_per_minute: 0, requests_per_day: 1 }
  tokens: { requests_per_minute: 0, tokens_per_minute: 500 }
  spend: { requests_per_minute: 0, spend_per_day: 1000 }
strangers: { requests_per_minute: 0, failures_per_minute: 3 }
`
const HOUR = 3_600_000
/** Where it is noon now, so that no day ends an hour from here. */
const ZONE = (() => {
  const ahead = 12 - new Date().getUTCHours()
  return ahead === 0 ? 'UTC' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`
})()

let gateway: GatewayProcess
let upstream: FaultProvider
beforeAll(async () => {
  upstream = await startFaultProvider()
  gateway = await startGateway({
    config: configFor(upstream.baseUrl, { words: ['answer?chunks=2'] }, TIERS),
    env: planted(`clock:${HOUR}`),
  })
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

async function admin(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const { url, adminKey: key } = gateway
  const answer = await raw({ url, key, method, path, body: JSON.stringify(body) })
  expect(answer.status, answer.body).toBeLessThan(300)
  return JSON.parse(answer.body) as Record<string, unknown>
}
async function keyOf(tier: string, more: object = {}): Promise<string> {
  const wish = { type: 'user', account: tier, tier, credits: '1000000' }
  const { key } = await admin('POST', '/admin/keys', { ...wish, ...more })
  await admin('PATCH', `/admin/accounts/${tier}`, { time_zone: ZONE })
  return String(key)
}
const ask = (key: string): Promise<RawAnswer> => raw({ url: gateway.url, key, body: chat('words') })
async function setClock(turn: '+' | '-'): Promise<void> {
  gateway.process.kill('SIGUSR2')
  await untilLogged(gateway.output, `the clock was set: ${turn}`)
}

test('neither resets nor extends a limit or the guard over wrong keys, and what has expired stays expired', async () => {
  const limited = await Promise.all(['minute', 'day', 'tokens', 'spend'].map((tier) => keyOf(tier)))
  for (const key of limited) {
    let last = await ask(key)
    expect(last.status).toBe(200)
    for (let at = 0; at < 50 && last.status === 200; at++) last = await ask(key)
    expect(last.status).toBe(429)
  }
  const endless = await keyOf('free')
  const soon = Date.now() + 1_000
  const expired = await keyOf('free', { expires: new Date(soon).toISOString() })
  const later = await keyOf('free', { expires: new Date(soon + HOUR / 2).toISOString() })
  await pause(soon + 100 - Date.now()) // until it has expired
  expect((await ask(expired)).status).toBe(401)
  for (let at = 0; at < 3; at++) await ask('tg-wrong')
  const refusals = async (...keys: string[]) =>
    Promise.all(keys.map(async (key) => (await ask(key)).status))
  const all = () => refusals(...limited, 'tg-wrong', endless)
  const expectedNow = [429, 429, 429, 429, 429, 200]
  expect(await all()).toEqual(expectedNow)
  await setClock('+')
  expect(await all()).toEqual(expectedNow)
  expect(await refusals(later)).not.toEqual([200])
  await setClock('-')
  expect(await all()).toEqual(expectedNow)
  expect(await refusals(later)).toEqual([200])
  expect(await refusals(expired)).not.toEqual([200])
})
