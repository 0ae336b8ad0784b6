// Writes that are asked for again, under their idempotency key, after the gateway crashed and came back.
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { configFor } from './support/house.ts'
import { raw } from './support/raw.ts'

let gateway: GatewayProcess
let reseller: string
beforeAll(async () => {
  const extra =
    'webhooks: { allowed_networks: 127.0.0.1 }\ninvitations: { inviter: 5, invited: 2 }\n'
  gateway = await startGateway({
    config: configFor('http://127.0.0.1:9', { words: ['answer'] }, extra),
    env: { JWT_SECRET_KEY: 'k9fK2mQ7xW4bT8zR1cV6nY3pL5sD0gHq' },
  })
  reseller = (await gateway.user('reseller', '100')).key
  await gateway.user('anna', '100')
  await send('PATCH', '/admin/accounts/reseller/place', { sub_accounts_max: 5 })
  await send('POST', '/v1/subaccounts', { name: 'shop' })
})
afterAll(() => gateway.close())

const send = (method: string, to: string, body?: object, once = 'once') =>
  raw({
    ...{
      url: gateway.url,
      method,
      path: to,
      key: to.startsWith('/v1') ? reseller : gateway.adminKey,
    },
    headers: { 'idempotency-key': `${once}-for${to.replaceAll('/', '-')}` },
    ...(body && { body: JSON.stringify(body) }),
  })

const state = async (): Promise<unknown> => {
  const lists = ['keys', 'codes', 'webhooks', 'accounts', 'invitations', 'users', 'places']
  const bodies = await Promise.all(lists.map((one) => send('GET', `/admin/${one}`)))
  return bodies.map(({ body }) => JSON.parse(body) as unknown)
}

test('what makes something with a secret is refused, and says what it made before', async () => {
  const { keyId } = await gateway.user('bob', '0')
  const writes: [string, object][] = [
    ['/admin/keys', { type: 'user', account: 'carla', credits: '25' }],
    ['/admin/codes', { amount: '5', count: 3 }],
    ['/admin/webhooks', { url: 'http://127.0.0.1:9/hook' }],
    ['/v1/subaccounts/shop/keys', {}],
    [`/admin/keys/${keyId}/rotate`, { grace: '1h' }],
  ]
  const all = () => Promise.all(writes.map(([to, body]) => send('POST', to, body)))
  const first = await all()
  expect(first.map(({ status }) => status)).toEqual(writes.map(() => 201))
  const before = await state()
  await gateway.stop('SIGKILL')
  gateway = await gateway.restart()
  for (const [at, { status, body }] of (await all()).entries()) {
    const { error } = JSON.parse(body) as { error: { code: string; message: string } }
    expect([writes[at]?.[0], status, error.code]).toEqual([
      ...[writes[at]?.[0], 409, 'idempotency_conflict'],
    ])
    expect(first[at]?.body).toContain(/(?:key|code|wh)_[\w-]{12}/.exec(error.message)?.[0])
  }
  expect(await state()).toEqual(before)
})

test('all other writes leave things as they are by their nature, whatever they answer', async () => {
  const { data } = JSON.parse(
    (await send('POST', '/admin/codes', { amount: '1' }, 'other')).body,
  ) as {
    data: { id: string; code: string }[]
  }
  const writes: [string, string, object?][] = [
    ['POST', '/admin/accounts', { account: 'dora', note: 'new' }],
    ['PATCH', '/admin/accounts/dora', { note: 'old' }],
    ['POST', '/admin/invitations', { account: 'dora', inviter: 'anna' }],
    ['POST', '/admin/places', { account: 'corner', parent: 'reseller' }],
    ['POST', '/v1/subaccounts', { name: 'stall' }],
    ['PATCH', '/v1/subaccounts/stall', { markup: '0.5' }],
    ['POST', '/v1/redeem', { code: data[0]?.code }],
    ['POST', '/admin/accounts/anna/credits/grant', { amount: '3' }],
  ]
  const all = async () => {
    const statuses: number[] = []
    for (const [method, to, body] of writes) statuses.push((await send(method, to, body)).status)
    return statuses
  }
  expect((await all()).every((status) => status < 300)).toBe(true)
  const before = await state()
  await gateway.stop('SIGKILL')
  gateway = await gateway.restart()
  expect((await all()).every((status) => status < 500)).toBe(true)
  expect(await state()).toEqual(before)
})

test('and the books are true', async () => {
  await gateway.stop()
  expect(auditFolder({ db: path.join(gateway.dir, 'db') }).findings).toEqual([])
})
