// Those who send no key, or a wrong one: counted by the address that they come from.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

const SETTINGS = `strangers: { requests_per_minute: 20, failures_per_minute: 10 }
trusted_proxies: 127.0.0.1
`
let house: House
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=1'] }, SETTINGS)
})
afterAll(() => house.close())

/** Through the proxy that the test itself is. */
const from = (address: string) => ({ 'x-forwarded-for': `10.1.1.1, ${address}` })

const guess = (address: string, at = 0): Promise<RawAnswer> =>
  raw({
    url: house.gateway.url,
    key: `tg-guess-${at}`,
    headers: from(address),
    ...(at % 2 === 0 ? { body: chat('words') } : { method: 'GET', path: '/v1/models' }),
  })

const guesses = (address: string, count: number): Promise<RawAnswer[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => guess(address, at)))

const having = (answers: readonly RawAnswer[], wanted: number) =>
  answers.filter(({ status }) => status === wanted)

test('of 200 wrong keys from one address ten are told so, and the rest to wait', async () => {
  const answers = await guesses('198.51.100.1', 200)
  expect(having(answers, 401)).toHaveLength(10)
  const waiting = having(answers, 429)
  expect(waiting).toHaveLength(190)
  for (const { headers, body } of waiting) {
    expect(JSON.parse(body)).toMatchObject({ error: { type: 'rate_limit_error' } })
    expect(Number(headers['retry-after'])).toBeGreaterThan(30)
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0' })
    const resetMs = Number(headers['x-ratelimit-reset']) * 1_000 - Date.now()
    expect(resetMs).toBeGreaterThan(20_000)
    expect(resetMs).toBeLessThanOrEqual(61_000)
  }
})

test('an answer to a stranger says how many more there are', async () => {
  const ask = (path: string, key?: string) =>
    raw({
      ...{ url: house.gateway.url, method: 'GET', path, headers: from('198.51.100.9') },
      ...(key !== undefined && { key }),
    })
  expect((await ask('/')).headers).toMatchObject({
    ...{ 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19' },
    'x-ratelimit-reset': expect.stringMatching(/^[0-9]{10}$/) as string,
  })
  expect((await ask('/docs')).headers).toMatchObject({ 'x-ratelimit-remaining': '18' })
  const { key } = await house.client()
  for (const answer of [await ask('/', key), await ask('/healthz')])
    expect(answer.headers['x-ratelimit-limit']).toBeUndefined()
})

test('a valid key passes from that very address, and wrong ones from others are only wrong', async () => {
  const { key } = await house.client()
  await guesses('198.51.100.2', 30)
  expect((await guess('198.51.100.2')).status).toBe(429)
  const headers = from('198.51.100.2')
  const answer = await raw({ url: house.gateway.url, key, headers, body: chat('words') })
  expect(answer.status).toBe(200)
  expect((await guess('198.51.100.3')).status).toBe(401)
})

test('an address of IPv6 is its whole network', async () => {
  const addresses = Array.from({ length: 40 }, (_, at) => `2001:db8:1:2:${at}::1`)
  const answers = await Promise.all(addresses.map((address) => guess(address)))
  expect(having(answers, 401)).toHaveLength(10)
  expect((await guess('2001:db8:1:3::1')).status).toBe(401)
})

test('without a key exactly so many requests of an address are answered, and health checks always', async () => {
  const ask = (path: string) =>
    raw({ url: house.gateway.url, method: 'GET', path, headers: from('198.51.100.4') })
  const paths = Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? '/' : '/nothing-here'))
  const answers = await Promise.all(paths.map(ask))
  expect(having(answers, 200).length + having(answers, 404).length).toBe(20)
  expect(having(answers, 429)).toHaveLength(180)
  for (const { headers } of having(answers, 429)) {
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '0' })
    const resetMs = Number(headers['x-ratelimit-reset']) * 1_000 - Date.now()
    expect(resetMs).toBeGreaterThan(20_000)
    expect(resetMs).toBeLessThanOrEqual(61_000)
  }
  for (let count = 0; count < 30; count++) expect((await ask('/healthz')).status).toBe(200)
})

/** A page's `origin` is read by Node, and not on the bare connection. */
const BY_NODE = { origin: 'https://page.example' }

test.each([
  ['POST', '/v1/chat/completions', {}],
  ['POST', '/v1/chat/completions', BY_NODE],
  ['GET', '/v1/models', {}],
  ['GET', '/admin/accounts', {}],
  ['GET', '/', {}],
  ['GET', '/nothing-here', {}],
  ['DELETE', '/v1/models', {}],
  ['OPTIONS', '/v1/models', {}],
] as const)(
  'whoever shows no valid key too often has to wait: %s %s %o',
  async (method, path, more) => {
    for (const key of [undefined, 'tg-wrong', 'eyJhbGciOiJub25lIn0.e30.']) {
      const headers = { ...from(`203.0.113.${nextAddress++}`), ...more }
      const ask = (shown = key) =>
        raw({
          ...{ url: house.gateway.url, method, path, headers },
          ...(shown !== undefined && { key: shown }),
          ...(method === 'POST' && { body: chat('words') }),
        })
      const answers = await Promise.all(Array.from({ length: 60 }, () => ask()))
      const refused = having(answers, 429)
      expect([key, refused.length]).toEqual([key, answers.some(isRefused) ? 50 : 40])
      for (const { headers, body } of refused) {
        expect(Number(headers['retry-after'])).toBeGreaterThan(30)
        expect(JSON.parse(body)).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
      }
      expect((await ask(house.gateway.adminKey)).status).not.toBe(429)
    }
  },
)

let nextAddress = 1
const isRefused = ({ status }: RawAnswer): boolean => status === 401

test('a valid key in the query passes as one in a header does', async () => {
  const ask = (token: string) =>
    raw({
      ...{ url: house.gateway.url, method: 'GET', headers: from('198.51.100.5') },
      path: `/tokens?masterToken=${token}`,
    })
  for (let count = 0; count < 30; count++)
    expect((await ask(house.gateway.adminKey)).status).toBe(200)
  for (let count = 0; count < 10; count++) expect((await ask('wrong')).status).toBe(401)
  expect((await ask('wrong')).status).toBe(429)
  expect((await ask(house.gateway.adminKey)).status).toBe(200)
})
