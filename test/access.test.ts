import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Access, Route } from '../src/http/route.ts'
import { ROUTES } from '../src/http/routes/routes.ts'
import type { GatewayProcess } from './support/gateway-process.ts'
import { openHouse, type House } from './support/house.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

/** Whoever may not is told so on every route, and whoever may is not: generated from the table of routes. */
const STAFF = ['viewer', 'support', 'admin', 'owner']
let house: House
let gateway: GatewayProcess
const keys: Record<string, string> = {}
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'] }, 'trusted_proxies: 127.0.0.1')
  gateway = house.gateway
  for (const role of STAFF) keys[role] = await issue({ type: 'admin', role })
  keys['user'] = await issue({ type: 'user', account: 'anna', credits: '1000' })
  keys['other'] = await issue({ type: 'user', account: 'bob', credits: '1000' })
  keys['master'] = gateway.adminKey
  for (const account of ['anna', 'bob']) {
    const place = { url: gateway.url, key: gateway.adminKey, method: 'PATCH' }
    const body = JSON.stringify({ sub_accounts_max: 5 })
    await raw({ ...place, path: `/admin/accounts/${account}/place`, body })
  }
})
afterAll(() => house.close())

async function issue(wish: object): Promise<string> {
  const asked = { url: gateway.url, key: gateway.adminKey, path: '/admin/keys' }
  const { body } = await raw({ ...asked, body: JSON.stringify(wish) })
  return (JSON.parse(body) as { key: string }).key
}

type Asking = Readonly<{
  key?: string | undefined
  params?: string
  body?: unknown
  query?: string
}>

/** A request to a route with parameters that name nothing, unless they are given. */
function ask({ method, path }: Route, { key, params = 'x1', body = {}, query = '' }: Asking) {
  const isChat = path === '/v1/chat/completions'
  return raw({
    ...{ url: gateway.url, method, path: path.replace(/\{\w+\*?\}/g, params) + query },
    ...(key !== undefined && { key }),
    headers: { 'idempotency-key': randomUUID() },
    ...(hasBody(method) && { body: isChat ? chat('words') : JSON.stringify(body) }),
  })
}
const hasBody = (method: string): boolean => method !== 'GET' && method !== 'DELETE'
const nameOf = ({ method, path }: Route) => `${method} ${path}`
const routes = ROUTES.map((one): [string, Route] => [nameOf(one), one])

/** The least that each route needs: what the table says, said again as a rule. */
function mayEnter(access: Access, who: string): boolean {
  if (access === 'public') return true
  if (who === 'nobody') return false
  if (access === 'known') return true
  if (access === 'user') return who === 'user'
  const rank = STAFF.indexOf(who === 'master' ? 'owner' : who)
  return rank >= STAFF.indexOf(access)
}

describe.each(routes)('%s', (_, route) => {
  test('lets in whom it is for, and nobody else', async () => {
    for (const who of ['user', 'viewer', 'support', 'admin', 'owner', 'master']) {
      const { status } = await ask(route, { key: keys[who] })
      const isRefused = status === 401 || status === 403
      expect([who, isRefused]).toEqual([who, !mayEnter(route.access, who)])
    }
    const wrong = [
      undefined,
      '',
      'wrong',
      'tg-wrong',
      'eyJhbGciOiJub25lIn0.e30.',
      `${keys['owner']}x`,
    ]
    for (const key of wrong) {
      const answer = await ask(route, { key })
      const isOpen = mayEnter(route.access, 'nobody')
      // A login is refused for what is in it, and not for what comes with it.
      if (isOpen) expect(answer.status).not.toBe(401)
      else expect([key, answer.status]).toEqual([key, 401])
      expect(answer.headers['x-request-id']).toMatch(/^req_/)
    }
  })

  test('shows no thing of another account', async () => {
    if (route.access !== 'user' || !route.path.includes('{')) return
    const mine = await raw({ url: gateway.url, key: keys['other'] ?? '', body: chat('words') })
    for (const params of ['bob', String(mine.headers['x-request-id']), 'operator']) {
      const { status } = await ask(route, { key: keys['user'], params })
      expect([400, 404]).toContain(status)
    }
  })
})

const writes = ROUTES.filter(({ body, isRaw }) => body !== undefined && isRaw === undefined)
const FORBIDDEN = [
  'balance',
  'held',
  'credit',
  'by',
  'at',
  'id',
  'hash',
  'role_override',
  '__proto__',
]

/** Answers by itself what is wrong with its query. */
const READ_BY_HAND = ['GET /v1/usage', 'GET /admin/usage']

test('each body and each query knows the names of its fields, and takes no other', () => {
  const forms = ROUTES.filter(
    (one) => one.isRaw === undefined && !READ_BY_HAND.includes(nameOf(one)),
  )
  for (const route of forms)
    for (const form of [route.body, route.query]) {
      const field = '{"no_such_field":1}'
      const names = ['{"__proto__":{"role":"owner"}}', '{"constructor":{"role":"owner"}}', field]
      for (const text of form === undefined ? [] : names) {
        const issues = form?.safeParse(JSON.parse(text)).error?.issues ?? []
        const isNamed = issues.some(({ code }) => code === 'unrecognized_keys')
        expect([nameOf(route), text, isNamed]).toEqual([nameOf(route), text, true])
      }
    }
  expect(forms.filter(({ body }) => body !== undefined).length).toBeGreaterThan(20)
})

describe('a field that a write does not know', () => {
  test.each(writes.map((one): [string, Route] => [nameOf(one), one]))(
    'is refused by name: %s',
    async (_, route) => {
      for (const field of [...FORBIDDEN, 'isDisabled', 'constructor']) {
        const body = `{"${field}":"1"}`
        const path = route.path.replace(/\{\w+\*?\}/g, 'anna')
        const answer = await raw({
          ...{ url: gateway.url, key: gateway.adminKey, method: route.method, path, body },
          headers: { 'idempotency-key': randomUUID() },
        })
        const key = route.access === 'user' ? keys['user'] : gateway.adminKey
        const asked = await raw({
          ...{ url: gateway.url, method: route.method, path, body },
          key: key ?? '',
        })
        for (const { status } of [answer, asked]) expect([400, 403]).toContain(status)
      }
    },
  )

  test('nor any other JSON breaks a write, or gets past it', async () => {
    const json = fc.jsonValue({ maxDepth: 2 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...writes), json, async (route, value) => {
        fc.pre(JSON.stringify(value) !== '{}') // some writes ask for nothing more: a test of all webhooks, say
        const key = route.access === 'user' ? keys['user'] : gateway.adminKey
        const { status } = await ask(route, { key, body: value })
        expect(status).toBeGreaterThanOrEqual(400)
        expect(status).toBeLessThan(500)
      }),
      { numRuns: 150 },
    )
  })
})

const post = (
  path: string,
  body: object,
  headers: Record<string, string>,
  key = gateway.adminKey,
) => raw({ url: gateway.url, key, path, headers, body: JSON.stringify(body) })

describe('a write under an idempotency key', () => {
  const wish = { type: 'user', account: 'anna' }

  test('is done once, however many ask at the same time', async () => {
    const headers = { 'idempotency-key': 'once' }
    const before = await raw({ ...get('/admin/keys?account=anna&limit=1000') })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post('/admin/keys', wish, headers)),
    )
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    const replayed = answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')
    expect(replayed.length).toBe(19)
    const after = await raw({ ...get('/admin/keys?account=anna&limit=1000') })
    expect(listOf(after).length).toBe(listOf(before).length + 1)
  })

  test('that was used for something else is refused, and each actor has keys of their own', async () => {
    const headers = { 'idempotency-key': 'twice' }
    expect((await post('/admin/keys', wish, headers)).status).toBe(201)
    const other = await post('/admin/keys', { ...wish, tags: ['x'] }, headers)
    expect([other.status, JSON.parse(other.body)]).toMatchObject([
      409,
      { error: { code: 'idempotency_conflict' } },
    ])
    expect((await post('/admin/keys', wish, headers, keys['owner'])).status).toBe(201)
  })

  test('that was refused leaves the key free', async () => {
    const headers = { 'idempotency-key': 'retried' }
    expect((await post('/admin/keys', { type: 'king' }, headers)).status).toBe(400)
    expect((await post('/admin/keys', wish, headers)).status).toBe(201)
  })
})

const get = (path: string, headers: Record<string, string> = {}) => ({
  ...{ url: gateway.url, key: gateway.adminKey, method: 'GET', path, headers },
})
const listOf = ({ body }: RawAnswer) => (JSON.parse(body) as { data: unknown[] }).data

describe('the manners', () => {
  test('every answer is guarded, also a refusal, and says HSTS behind a proxy that came by TLS alone', async () => {
    for (const path of ['/health', '/docs', '/nothing', '/admin/keys', '/v1/models']) {
      const { headers } = await raw(get(path, { 'x-forwarded-proto': 'https' }))
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'x-xss-protection': '1; mode=block',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': 'max-age=31536000',
      })
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    }
    expect((await raw(get('/health'))).headers['strict-transport-security']).toBeUndefined()
  })

  test('the page and the document are there for everybody, and the page may load only its style', async () => {
    const page = await raw({ url: gateway.url, method: 'GET', path: '/docs' })
    expect(page.headers['content-type']).toMatch('text/html')
    expect(page.headers['content-security-policy']).toMatch("default-src 'none'; style-src 'self'")
    const document = await raw({ url: gateway.url, method: 'GET', path: '/openapi.json' })
    expect(JSON.parse(document.body)).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Tollgate' },
    })
    const style = await raw({ url: gateway.url, method: 'GET', path: '/docs/style.css' })
    expect([style.status, style.headers['content-type']]).toEqual([200, 'text/css; charset=utf-8'])
  })

  test('HEAD is answered like GET without its body, and what is not there is told in one shape', async () => {
    const head = await raw({ ...get('/health'), method: 'HEAD' })
    expect([head.status, head.body]).toEqual([200, ''])
    const missing = await raw(get('/admin/nothing'))
    expect(JSON.parse(missing.body)).toMatchObject({ error: { code: 'not_found' } })
    for (const odd of ['TRACE', 'PROPFIND'])
      expect(await raw({ ...get('/admin/nothing'), method: odd })).toMatchObject({ status: 404 })
    const root = await raw(get('/'))
    expect(JSON.parse(root.body)).toMatchObject({
      docs: '/docs',
      services: ['ledger', 'snapshots', 'fake'],
    })
    const method = await raw({ ...get('/admin/keys'), method: 'PUT' })
    expect([method.status, method.headers['allow']]).toEqual([405, 'HEAD, GET, POST'])
    expect((await raw({ ...get('/admin/keys'), method: 'OPTIONS' })).status).toBe(200)
  })

  test('pages of other origins may call /v1, and nothing else', async () => {
    const origin = { origin: 'https://app.example.org', 'access-control-request-method': 'POST' }
    const open = await raw({
      url: gateway.url,
      method: 'OPTIONS',
      path: '/v1/models',
      headers: origin,
    })
    expect([open.status, open.headers['access-control-allow-origin']]).toEqual([204, '*'])
    for (const path of ['/admin/keys', '/auth/login', '/auth/validate']) {
      const answer = await raw({ url: gateway.url, method: 'OPTIONS', path, headers: origin })
      expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    }
  })
})
