import { createHmac } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { startGateway, userArgs, type GatewayProcess } from './support/gateway-process.ts'
import { clientOf, configFor } from './support/house.ts'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { chat, raw } from './support/raw.ts'

type Told = Readonly<{ type: string; subject: string; id: string; data: Record<string, string> }>
type Heard = Told & Readonly<{ signature: string; body: string }>

let gateway: GatewayProcess
let upstream: FaultProvider
let heard: Heard[] = []
let isAway = false
const receiver = http.createServer((req, res) => {
  let body = ''
  req.on('data', (part: Buffer) => (body += part.toString()))
  req.on('end', () => {
    if (isAway) res.statusCode = 503
    else
      heard.push({
        ...(JSON.parse(body) as Told),
        ...{ body, signature: String(req.headers['tollgate-signature']) },
      })
    res.end()
  })
})
let connections = 0
receiver.on('connection', (socket) => {
  connections++
  socket.once('close', () => connections--)
})
let url = ''
beforeAll(async () => {
  await new Promise<void>((ready) => receiver.listen(0, '127.0.0.1', ready))
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  upstream = await startFaultProvider()
  const extra = 'webhooks: { allowed_networks: 127.0.0.1, large_charge: 10 }\n'
  gateway = await startGateway({
    config: configFor(upstream.baseUrl, { words: ['answer?chunks=5'] }, extra),
    env: { JWT_SECRET_KEY: 'k9fK2mQ7xW4bT8zR1cV6nY3pL5sD0gHq' },
  })
})
afterAll(async () => {
  await gateway.stop()
  expect(auditFolder({ db: path.join(gateway.dir, 'db') }).findings).toEqual([])
  await gateway.close()
  await upstream.close()
  receiver.close()
})

async function admin(method: string, to: string, body?: unknown) {
  const response = await fetch(`${gateway.url}/admin/${to}`, {
    method,
    headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: (await response.json()) as Record<string, string> }
}
const until = (what: () => void) => vi.waitFor(what, { timeout: 30_000, interval: 50 })
const untilNobodyCalls = () =>
  until(() => {
    expect(connections).toBe(0)
  })
const told = (type: string) => heard.filter((one) => one.type === type)

test('a receiver hears what it asked for, signed with its secret', async () => {
  expect(await admin('POST', 'webhooks', { url: 'http://10.0.0.1/' })).toMatchObject({
    status: 400,
  })
  const { status, json } = await admin('POST', 'webhooks', { url })
  expect(status).toBe(201)
  await admin('POST', 'webhooks/test', {})
  expect((await admin('GET', 'audit?limit=1')).json['data']).toMatchObject([
    { kind: 'webhook-tested', webhooks: [json['id']], by: 'master' },
  ])
  await until(() => {
    expect(told('test')).toHaveLength(1)
  })
  const [{ signature, body } = { signature: '', body: '' }] = told('test')
  const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? []
  const secret = json['secret'] ?? ''
  expect(mac).toBe(
    createHmac('sha256', secret)
      .update(`${time ?? ''}.${body}`)
      .digest('hex'),
  )
  expect(Math.abs(Number(time) * 1_000 - Date.now())).toBeLessThan(300_000)
  expect(JSON.stringify((await admin('GET', 'webhooks')).json)).not.toContain(secret)
})

test('who named a receiver, and who removed it, is in the audit trail', async () => {
  const { json } = await admin('POST', 'webhooks', { url, events: ['provider_off'] })
  await admin('DELETE', `webhooks/${json['id'] ?? ''}`)
  const trail = (await admin('GET', 'audit?by=master&limit=2')).json as unknown as {
    data: unknown[]
  }
  expect(trail.data).toMatchObject([
    { kind: 'webhook-removed', webhook: json['id'], by: 'master' },
    { kind: 'webhook', webhook: json['id'], url, events: ['provider_off'] },
  ])
})

test('an outage of the receiver, and a crash of the gateway in it, lose nothing and tell nothing twice', async () => {
  heard = []
  isAway = true
  const { key } = await gateway.user('anna', '1000')
  const anna = clientOf(gateway.url, 'anna', key)
  await admin('PATCH', 'accounts/anna', { low_credit: '999' })
  await raw({ url: gateway.url, key, body: chat('words') })
  expect(Number(await anna.balance())).toBeLessThan(999)
  await until(() => {
    expect(gateway.output()).toContain('webhook was not taken')
  })
  await gateway.stop('SIGKILL')
  await untilNobodyCalls() // what it had sent off may still come, and is not taken either
  isAway = false
  gateway = await gateway.restart()
  await until(() => {
    expect([told('low_credit').length, told('large_charge').length]).toEqual([1, 1])
  })
  expect(told('low_credit')).toMatchObject([{ subject: 'anna', data: { threshold: '999' } }])
  expect(told('large_charge')).toMatchObject([{ subject: 'anna', data: { model: 'words' } }])
  await admin('POST', 'webhooks/test', {})
  await until(() => {
    expect(told('test')).toHaveLength(1)
  })
  expect(new Set(heard.map(({ id }) => id)).size).toBe(heard.length)
})

test('each thing that lasts is told when it begins, and not again while it lasts', async () => {
  heard = []
  const soon = await gateway.issue([...userArgs('early', '0'), '--expires', '1h'])
  const { key } = await gateway.user('poor', '150')
  await admin('PATCH', 'accounts/poor', { low_credit: '10' })
  await drain(key, 402)
  await admin('POST', 'providers/fake', { state: 'off' })
  await until(() => {
    expect(told('key_expiring')).toMatchObject([
      { subject: soon.keyId, data: { account: 'early' } },
    ])
    expect(told('credit_used_up').map(({ subject }) => subject)).toEqual(['poor'])
    expect(told('provider_off').map(({ subject }) => subject)).toEqual(['fake'])
  })
  await admin('POST', 'providers/fake', { state: 'on' })
  await drain(key, 402)
  await admin('POST', 'webhooks/test', {})
  await until(() => {
    expect(told('test')).toHaveLength(1)
  })
  expect(told('credit_used_up')).toHaveLength(1)
})

test('a cap on spending that refuses a request is told once, of an account, a key and a sub-account', async () => {
  heard = []
  const capped = await gateway.user('capped', '100000')
  await admin('PATCH', 'accounts/capped', { limits: { spend_per_day: '1000' } })
  const keyed = await gateway.user('keyed', '100000')
  await admin('PATCH', `keys/${keyed.keyId}`, { limits: { spend_per_month: '1000' } })
  await gateway.user('top', '100000')
  await admin('PATCH', 'accounts/top/place', { sub_accounts_max: 5 })
  await admin('POST', 'places', { account: 'shop', parent: 'top' })
  await admin('PATCH', 'accounts/shop/place', { cap: '1000' })
  const shop = await gateway.user('shop', '100000')
  for (const [{ key }, status] of [
    [capped, 429],
    [keyed, 429],
    [shop, 402],
  ] as const)
    await drain(key, status)
  const capOf = (subject: string) => told('budget_reached').filter((one) => one.subject === subject)
  await until(() => {
    expect([...capOf('capped'), ...capOf(keyed.keyId), ...capOf('shop')]).toMatchObject([
      { data: { of: 'account', limit: 'spend_per_day', amount: '1000', period: 'day' } },
      { data: { of: 'key', limit: 'spend_per_month', amount: '1000' } },
      { data: { of: 'account', limit: 'cap', amount: '1000' } },
    ])
  })
  await gateway.stop('SIGKILL')
  gateway = await gateway.restart()
  await drain(capped.key, 429)
  await drain(shop.key, 402)
  await admin('POST', 'webhooks/test', {})
  await until(() => {
    expect(told('test')).toHaveLength(1)
  })
  // One that was told, and not yet noted as told when the gateway was killed, comes again under its id.
  for (const subject of ['capped', 'shop'])
    expect(new Set(capOf(subject).map(({ id }) => id)).size).toBe(1)
}, 60_000)

/** Asks until there is nothing left that could pay for it. */
async function drain(key: string, refused: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { status } = await raw({ url: gateway.url, key, body: chat('words') })
    if (status === refused) return
    expect(status).toBe(200)
  }
  throw new Error('it was never refused')
}
