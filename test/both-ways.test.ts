// A plain chat request is read on the bare connection, and by Node where anything else came by it before: callers cannot
// tell which it was.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'

let house: House
const keys: Record<string, string> = {}
beforeAll(async () => {
  const models = { words: ['answer?chunks=2'], refused: ['answer?status=400&message=bad+schema'] }
  const tiers = 'tiers: { free: { requests_per_minute: 0 }, some: { requests_per_minute: 500 } }'
  const strangers = 'strangers: { requests_per_minute: 0, failures_per_minute: 40 }'
  const limits = 'limits: { body_bytes_max: 20000 }'
  const extra = ['trusted_proxies: 127.0.0.1', tiers, strangers, limits].join('\n')
  const env = { JWT_SECRET_KEY: 'k9fK2mQ7xW4bT8zR1cV6nY3pL5sD0gHq' }
  house = await openHouse(models, extra, env)
  keys['user'] = await issue({ type: 'user', account: 'anna', tier: 'some', credits: '1000000' })
  keys['poor'] = await issue({ type: 'user', account: 'bob' })
  keys['narrow'] = await issue({ type: 'user', account: 'anna', models: ['refused'] })
  const limits2 = { requests_per_day: 1 } // its wait is far from the minute that advice turns on
  keys['limited'] = await issue({ type: 'user', account: 'carl', credits: '1000', limits: limits2 })
  keys['viewer'] = await issue({ type: 'admin', role: 'viewer' })
  const { url } = house.gateway
  const session = await raw({ url, key: keys['viewer'], path: '/auth/session', body: '{}' })
  keys['session'] = (JSON.parse(session.body) as { token: string }).token
})
afterAll(() => house.close())

async function issue(wish: object): Promise<string> {
  const asked = { url: house.gateway.url, key: house.gateway.adminKey, path: '/admin/keys' }
  const headers = { 'idempotency-key': randomUUID() }
  const { body } = await raw({ ...asked, headers, body: JSON.stringify(wish) })
  return (JSON.parse(body) as { key: string }).key
}

type Asked = Readonly<{ key?: string; headers?: readonly string[]; body?: string }>

function bytesOf({ key, headers = [], body = chat('words') }: Asked): string {
  const lines = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: localhost',
    ...(key === undefined ? [] : [`authorization: Bearer ${keys[key] ?? key}`]),
    ...headers,
    ...(headers.some((one) => one.startsWith('content-type'))
      ? []
      : ['content-type: application/json']),
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

const ALIVE = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'

/** A connection, and what is answered on it. */
function connect() {
  const socket = net.connect(Number(new URL(house.gateway.url).port), '127.0.0.1')
  let heard = ''
  socket.on('data', (bytes) => (heard += bytes.toString('latin1')))
  socket.on('error', () => undefined)
  const ask = async (bytes: string): Promise<string> => {
    socket.write(bytes)
    while (!isWhole(heard) && !socket.destroyed) await once(socket, 'data')
    const answer = heard
    heard = ''
    return answer
  }
  return { socket, ask }
}

/** The answer's bytes; by Node, where the connection has seen another request before. */
async function answerTo(asked: Asked, way: 'quick' | 'node'): Promise<string> {
  const { socket, ask } = connect()
  if (way === 'node') await ask(ALIVE)
  const answer = await ask(bytesOf(asked))
  socket.destroy()
  return answer
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /content-length: (\d+)/i.exec(text.slice(0, end))?.[1]
  return length === undefined
    ? text.endsWith('\r\n0\r\n\r\n')
    : text.length >= end + 4 + Number(length)
}

/** How a stream is cut into chunks is a matter of what came together. */
function unframed(answer: string): string {
  const end = answer.indexOf('\r\n\r\n') + 4
  const [head, body] = [answer.slice(0, end), answer.slice(end)]
  if (!/^transfer-encoding: chunked\r$/im.test(head)) return answer
  return head + body.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
}

/** What differs between any two requests: names, times, counts, and so the length of a body that names one of these. */
const withoutNames = (answer: string): string =>
  unframed(
    /"id":|try again in/i.test(answer) ? answer.replace(/^content-length: \d+\r$/m, '') : answer,
  )
    .replaceAll(/req_\w+/g, 'req_')
    .replace(/^Date: .*$/m, 'Date:')
    .replace(/^x-tollgate-balance: .*$/m, 'x-tollgate-balance:')
    .replaceAll(/^(x-ratelimit-(?:remaining|reset)[\w-]*|retry-after(?:-ms)?): .*$/gm, '$1:')
    .replaceAll(/try again in [\w.]+/gi, 'try again')
    .replaceAll(/"id":"[^"]*"/g, '"id":""')

const CASES: readonly (readonly [string, Asked, number])[] = [
  ['an answer', { key: 'user' }, 200],
  ['a stream', { key: 'user', body: chat('words', { stream: true }) }, 200],
  ['no key', {}, 401],
  ['a wrong key', { key: 'tg-wrong' }, 401],
  ['another scheme', { headers: ['authorization: Basic YTpi'] }, 401],
  ['a token that is none', { key: 'eyJhbGciOiJub25lIn0.e30.' }, 401],
  ['the master key', { key: 'master' }, 403],
  ['a session of the staff', { key: 'session' }, 403],
  ['a key of the staff', { key: 'viewer' }, 403],
  ['a key that may not use the model', { key: 'narrow' }, 403],
  ['no credit', { key: 'poor' }, 402],
  ['a limit', { key: 'limited' }, 429],
  ['no such model', { key: 'user', body: chat('nothing') }, 404],
  ['a provider that refuses', { key: 'user', body: chat('refused') }, 400],
  ['no JSON', { key: 'user', body: '{' }, 400],
  ['nothing', { key: 'user', body: '' }, 400],
  ['a wrong field', { key: 'user', body: chat('words', { n: -1 }) }, 400],
  ['a wrong type', { key: 'user', headers: ['content-type: text/plain'] }, 415],
  [
    'a body that is too large',
    { key: 'user', body: chat('words', { a: 'x'.repeat(20_000) }) },
    413,
  ],
  ['a name of its own', { key: 'user', headers: ['x-request-id: mine'] }, 200],
  ['another one', { key: 'tg-wrong', headers: ['x-client-request-id: mine'] }, 401],
  ['a name that is none', { key: 'user', headers: ['x-request-id: a b'] }, 200],
  ['a proxy that was reached by TLS', { key: 'user', headers: ['x-forwarded-proto: https'] }, 200],
  ['the same, refused', { key: 'tg-wrong', headers: ['X-Forwarded-Proto: http, https'] }, 401],
  ['a proxy that was not', { key: 'user', headers: ['x-forwarded-proto: http'] }, 200],
  ['the most it may cost', { key: 'user', headers: ['x-max-cost: 0.000001'] }, 402],
  [
    'the most it may cost, twice',
    { key: 'user', headers: ['x-max-cost: 1', 'x-max-cost: 2'] },
    400,
  ],
  ['a batch', { key: 'user', headers: ['X-Batch: true'] }, 200],
  ['something else than a batch', { key: 'user', headers: ['x-batch: yes'] }, 400],
]

test.each(CASES)('both ways give the same answer, byte for byte: %s', async (_, asked, status) => {
  keys['master'] = house.gateway.adminKey
  if (asked.key === 'limited') await answerTo(asked, 'quick')
  const [quick, node] = [await answerTo(asked, 'quick'), await answerTo(asked, 'node')]
  expect(withoutNames(quick)).toBe(withoutNames(node))
  expect(quick).toMatch(`HTTP/1.1 ${status} `)
  expect(quick).toMatch(/^x-request-id: req_\w+\r$/m)
  const { headers = [] } = asked
  const isTls = headers.some((one) => one.endsWith('https'))
  for (const guard of ['nosniff', 'DENY', '1; mode=block', 'no-referrer', "frame-ancestors 'none'"])
    expect(quick).toContain(`${guard}\r\n`)
  expect(quick.includes('strict-transport-security: max-age=31536000\r\n')).toBe(isTls)
  expect(quick.includes('x-client-request-id: mine\r\n')).toBe(
    headers.some((one) => one.endsWith(': mine')),
  )
})

test.each(['x-api-key', 'X-API-Key', 'api-key', 'x-goog-api-key'])(
  'both ways take a key from %s',
  async (name) => {
    for (const way of ['quick', 'node'] as const) {
      const asked = { headers: [`${name}: ${keys['user'] ?? ''}`] }
      expect(await answerTo(asked, way)).toMatch('HTTP/1.1 200 ')
      const wrong = { headers: [`${name}: ${keys['user'] ?? ''}x`] }
      expect(await answerTo(wrong, way)).toMatch('HTTP/1.1 401 ')
    }
  },
)

test('both ways say how the limits stand', async () => {
  for (const way of ['quick', 'node'] as const)
    for (const stream of [false, true]) {
      const answer = await answerTo({ key: 'user', body: chat('words', { stream }) }, way)
      expect(answer).toMatch(/^x-ratelimit-limit: 500\r$/m)
      expect(answer).toMatch(/^x-ratelimit-remaining-requests: \d+\r$/m)
      const reset = Number(/^x-ratelimit-reset: (\d+)\r$/m.exec(answer)?.[1])
      expect(Math.abs(reset - 60 - Date.now() / 1_000)).toBeLessThan(30)
    }
})

test('both ways count wrong keys by the address that a trusted proxy names', async () => {
  const from = (address: string) => ({ key: 'tg-wrong', headers: [`x-forwarded-for: ${address}`] })
  for (let count = 0; count < 40; count++)
    await answerTo(from('198.51.100.7'), count % 2 === 0 ? 'quick' : 'node')
  for (const way of ['quick', 'node'] as const) {
    expect(await answerTo(from('198.51.100.7'), way)).toMatch('HTTP/1.1 429 ')
    expect(await answerTo(from('198.51.100.7, 198.51.100.8'), way)).toMatch('HTTP/1.1 401 ')
    const good = { key: 'user', headers: ['x-forwarded-for: 198.51.100.7'] }
    expect(await answerTo(good, way)).toMatch('HTTP/1.1 200 ')
  }
})

test('a connection that Node reads ends with its hundredth chat, so that the next one is quick again', async () => {
  const chats = bytesOf({ key: 'poor' })
  for (const way of ['quick', 'node'] as const) {
    const { socket, ask } = connect()
    const closed = once(socket, 'close')
    if (way === 'node') for (let count = 0; count < 120; count++) await ask(ALIVE)
    for (let count = 1; count < 100; count++)
      expect(await ask(chats)).toMatch(/^connection: keep-alive\r$/im)
    expect(await ask(chats)).toMatch(
      way === 'node' ? /^connection: close\r$/im : /^connection: keep-alive\r$/im,
    )
    if (way === 'quick') socket.destroy()
    await closed
  }
})
