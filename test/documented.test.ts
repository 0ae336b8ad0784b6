import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROUTES } from '../src/http/routes/routes.ts'
import { undocumented } from './support/documented.ts'
import { openHouse, type Client, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'

/** What is answered is what /openapi.json says, no field more and none less. */
const SECRET = 'k9fK2mQ7xW4bT8zR1cV6nY3pL5sD0gHq'
let house: House
let top: Client
let request: string
const names: Record<string, string> = { account: 'user0', provider: 'fake' }
beforeAll(async () => {
  const extra = `invitations: { inviter: 5, invited: 5 }
webhooks: { allowed_networks: 127.0.0.1 }`
  house = await openHouse({ words: ['answer?chunks=5'] }, extra, { JWT_SECRET_KEY: SECRET })
  top = await house.client()
  await house.client()
  const { headers } = await raw({ url: house.gateway.url, key: top.key, body: chat('words') })
  request = String(headers['x-request-id'])
})
afterAll(() => house.close())

type Asked = Readonly<{ key?: string; body?: object; headers?: Record<string, string> }>

/** Asks, and expects that what comes is what the document says. */
async function ask(method: string, to: string, { key, body, headers }: Asked = {}) {
  const answer = await raw({
    ...{ url: house.gateway.url, key: key ?? house.gateway.adminKey, method, path: to },
    headers: { 'idempotency-key': randomUUID(), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect(undocumented(method, to, answer)).toEqual([])
  const isJson = answer.headers['content-type']?.includes('json')
  const json = (isJson ? JSON.parse(answer.body) : {}) as Readonly<Record<string, unknown>>
  return { status: answer.status, json, type: answer.headers['content-type'] }
}
const as = (method: string, to: string, body?: object) =>
  ask(method, to, { key: top.key, ...(body && { body }) })

const done = async (
  asking: Promise<{ status: number; json: Readonly<Record<string, unknown>> }>,
) => {
  const { status, json } = await asking
  expect([status, json]).toEqual([expect.toBeOneOf([200, 201, 202]), json])
  return json
}

describe('what credit is moved by', () => {
  test('answers as the document says', async () => {
    const account = '/admin/accounts/user0'
    await done(ask('POST', `${account}/credits/grant`, { body: { amount: '5' } }))
    await done(ask('POST', `${account}/credits/deduct`, { body: { amount: '5' } }))
    const adjusting = { amount: '-1', reason: 'a mistake' }
    await done(ask('POST', `${account}/credits/adjust`, { body: adjusting }))
    const moving = { from: 'user0', to: 'user1', amount: 1 }
    await done(ask('POST', '/admin/transfers', { body: moving }))
    await done(ask('POST', `/admin/requests/${request}/refund`, { body: {} }))
    const invited = { account: 'user1', inviter: 'user0' }
    await done(ask('POST', '/admin/invitations', { body: invited }))
    const other = await house.client()
    const accepting = { key: other.key, body: { inviter: 'user0' } }
    await done(ask('POST', '/v1/invitation', accepting))
    const { data } = await done(ask('POST', '/admin/codes', { body: { amount: 1 } }))
    const [{ code } = { code: '' }] = data as { code: string }[]
    await done(as('POST', '/v1/redeem', { code }))
  })

  test('so does a reseller’s', async () => {
    await done(ask('PATCH', '/admin/accounts/user0/place', { body: { sub_accounts_max: 5 } }))
    await done(as('POST', '/v1/subaccounts', { name: 'below' }))
    await done(as('PATCH', '/v1/subaccounts/below', { cap: '50' }))
    await done(as('POST', '/v1/subaccounts/below/credits/grant', { amount: '5' }))
    await done(as('POST', '/v1/subaccounts/below/credits/deduct', { amount: '5' }))
    const { id } = await done(as('POST', '/v1/subaccounts/below/keys', {}))
    await done(as('DELETE', `/v1/subaccounts/below/keys/${String(id)}`))
    await done(as('GET', '/v1/subaccounts/below'))
  })
})

test('whatever else is written answers as the document says', async () => {
  const body = (one: object) => ({ body: one })
  await done(ask('POST', '/admin/accounts', body({ account: 'zoe', time_zone: 'Asia/Tokyo' })))
  await done(ask('PATCH', '/admin/accounts/zoe', body({ note: 'late', low_credit: '5' })))
  const { keyId } = await done(
    ask('POST', '/admin/keys', body({ type: 'user', account: 'zoe', credits: '5' })),
  )
  names['key'] = String(keyId)
  await done(ask('PATCH', `/admin/keys/${String(keyId)}`, body({ tags: ['a'] })))
  await done(ask('POST', `/admin/keys/${String(keyId)}/rotate`, body({ grace: '5m' })))
  const user = { role: 'viewer', password: 'seven quiet gardens' }
  await done(ask('PUT', '/admin/users/vera', body(user)))
  const login = body({ username: 'vera', password: user.password })
  const { token } = await done(ask('POST', '/auth/login', login))
  await done(ask('POST', '/auth/logout', { key: String(token) }))
  await done(ask('POST', '/auth/session'))
  await done(ask('POST', '/admin/config/check'))
  await done(ask('POST', '/admin/config/reload'))
  const { id } = await done(ask('POST', '/admin/webhooks', body({ url: 'http://127.0.0.1:9/' })))
  await done(ask('DELETE', `/admin/webhooks/${String(id)}`))
  await done(ask('POST', '/admin/webhooks/test', body({})))
})

const reads = ROUTES.filter(({ method }) => method === 'GET').map(({ path, access }) => ({
  ...{ path, access },
}))

test.each(reads)('GET $path answers as the document says, also where it refuses', async (route) => {
  const { path, access } = route
  const own: Record<string, string> = {
    ...{ ...names, request, name: 'vera', account: path.startsWith('/v1') ? 'below' : 'user0' },
    id: path.includes('receipts') ? request : 'words',
  }
  const to = path.replace(/\{(\w+)\*?\}/g, (_, name: string) => own[name] ?? 'words')
  const key = access === 'user' ? top.key : house.gateway.adminKey
  const query = /^\/(?:token|referral)/.test(path) && path !== '/tokens' ? '?userId=user0' : ''
  await done(ask('GET', to + query, { key }))
  if (access !== 'public') expect((await ask('GET', to + query, { key: 'wrong' })).status).toBe(401)
})

test('usage for spreadsheets, and a chat in a stream, are of the types that the document says', async () => {
  for (const to of ['/admin/usage?format=csv', '/v1/usage?format=csv'])
    expect((await (to.startsWith('/v1') ? as('GET', to) : ask('GET', to))).type).toMatch('text/csv')
  const streamed = JSON.parse(chat('words')) as object
  const whole = await as('POST', '/v1/chat/completions', streamed)
  expect(whole.status).toBe(200)
  const { type } = await as('POST', '/v1/chat/completions', { ...streamed, stream: true })
  expect(type).toMatch('text/event-stream')
})

describe('a list', () => {
  const lists = ['/admin/users', '/admin/webhooks', '/admin/models', '/v1/subaccounts']

  test.each([...lists, '/v1/subaccounts/below/keys'])(
    '%s refuses what it does not know',
    async (to) => {
      const asking = to.startsWith('/v1') ? as : ask
      expect((await asking('GET', `${to}?zz=1`)).status).toBe(400)
      expect((await asking('GET', `${to}?limit=0`)).status).toBe(400)
    },
  )

  const paged = ROUTES.filter(({ query }) => query !== undefined && 'cursor' in query.shape)

  test.each(paged.map(({ path }) => path))(
    '%s refuses pages of no size or any, and cursors that were changed',
    async (path) => {
      const to = path.replace('{account}', path.startsWith('/v1') ? 'below' : 'user0')
      const asking = path.startsWith('/v1') ? as : ask
      const { next_cursor: cursor } = await done(asking('GET', `${to}?limit=1`))
      const given =
        typeof cursor === 'string' ? [`${cursor}x`, cursor.slice(1), cursor.slice(0, -1)] : []
      for (const query of [
        ...['-1', '0', '1e9', '1000000000', '1.5', 'x', ''].map((limit) => `limit=${limit}`),
        ...['AAAA', '5', '%00', ...given].map((wrong) => `limit=1&cursor=${wrong}`),
      ])
        expect([query, (await asking('GET', `${to}?${query}`)).status]).toEqual([query, 400])
    },
  )

  test('of codes and one of sub-accounts comes in pages, each once', async () => {
    for (const name of ['below2', 'below3']) await done(as('POST', '/v1/subaccounts', { name }))
    await done(
      ask('POST', '/admin/codes', { body: { amount: 1, count: 2, expires: '2099-01-31' } }),
    )
    for (const [to, asking] of [
      ['/admin/codes', ask],
      ['/v1/subaccounts', as],
    ] as const) {
      const whole = await done(asking('GET', to))
      const seen: unknown[] = []
      let cursor: string | null = ''
      for (; cursor !== null;) {
        const from = cursor === '' ? '' : `&cursor=${cursor}`
        const page = await done(asking('GET', `${to}?limit=1${from}`))
        seen.push(...(page['data'] as unknown[]))
        cursor = page['next_cursor'] as string | null
      }
      expect([to, seen.length, seen]).toEqual([to, 3, whole['data']])
      expect((await asking('GET', `${to}?cursor=x`)).status).toBe(400)
    }
    expect((await ask('GET', '/admin/codes?after=zzz')).status).toBe(400)
  })

  test('a key of a sub-account may end on a day', async () => {
    await done(as('POST', '/v1/subaccounts/below/keys', { expires: '2099-01-31' }))
  })
})
