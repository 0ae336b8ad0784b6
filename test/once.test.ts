import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from './support/house.ts'
import { chat, payloads, raw, type RawAnswer } from './support/raw.ts'

let house: House
let client: Client
beforeAll(async () => {
  house = await openHouse(
    {
      slow: ['answer?delay=400&chunks=5'],
      dripping: ['answer?chunks=20&every=40'],
      words: ['answer?chunks=3'],
      dead: ['answer?status=500'],
      long: ['answer?chunks=60000'],
    },
    'limits: { key_in_flight_max: 0, account_in_flight_max: 0 }',
  )
  client = await house.client()
})
afterAll(() => house.close())

const ask = (model: string, name: string, more: object = {}, key = client.key) =>
  raw({
    ...{ url: house.gateway.url, key },
    body: chat(model, more),
    headers: { 'idempotency-key': name },
  })

const calls = () => house.upstream.journal.length
const code = ({ body }: RawAnswer) => (JSON.parse(body) as { error: { code: string } }).error.code

test.each([true, false])(
  '100 parallel repeats are one call upstream and one charge (stream: %s)',
  async (stream) => {
    const [callsBefore, balance] = [calls(), Number(await client.balance())]
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => ask('slow', `many-${stream}`, { stream })),
    )
    expect(calls() - callsBefore).toBe(1)
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(200)
    expect(answers.filter(({ headers }) => 'x-tollgate-replayed' in headers).length).toBe(99)
    expect(new Set(answers.map(({ headers }) => headers['x-request-id'])).size).toBe(100)
    const paid = balance - Number(await client.balance())
    const { usage } = house.upstream.journal.at(-1) ?? { usage: { prompt: 0, completion: 0 } }
    expect(paid).toBe(usage.prompt * 2 + usage.completion * 8)
  },
)

test('who joins a stream that is running gets all of it', async () => {
  const first = ask('dripping', 'late', { stream: true })
  const before = calls()
  await house.upstream.until((journal) => journal.length > before)
  const second = await ask('dripping', 'late', { stream: true })
  expect(payloads(second.body)).toEqual(payloads((await first).body))
  expect(payloads(second.body).at(-1)).toBe('[DONE]')
  expect(second.headers['x-tollgate-replayed']).toBe('true')
})

test('a repeat afterwards gets the finished answer, and pays nothing', async () => {
  const first = await ask('words', 'again')
  const [callsBefore, balance] = [calls(), await client.balance()]
  const second = await ask('words', 'again')
  expect(second.body).toBe(first.body)
  expect([calls(), await client.balance()]).toEqual([callsBefore, balance])
})

test('the same name for another body is a conflict, and for another account nothing at all', async () => {
  expect((await ask('words', 'mine')).status).toBe(200)
  const other = await ask('words', 'mine', { max_tokens: 50 })
  expect(other.status).toBe(409)
  expect(code(other)).toBe('idempotency_conflict')
  const stranger = await house.client()
  const before = calls()
  const theirs = await ask('words', 'mine', {}, stranger.key)
  expect(theirs.headers['x-tollgate-replayed']).toBeUndefined()
  expect(calls() - before).toBe(1)
})

test('who may not use the model gets no answer of it that others got', async () => {
  await ask('words', 'theirs')
  const { account } = client
  const { key } = await house.gateway.issue([
    ...['--type', 'user', '--userName', account, '--models', 'slow'],
  ])
  expect(code(await ask('words', 'theirs', {}, key))).toBe('key_not_allowed')
  const running = ask('dripping', 'running')
  expect(code(await ask('dripping', 'running', {}, key))).toBe('key_not_allowed')
  expect((await running).status).toBe(200)
})

test('a disabled account gets no answer again', async () => {
  const theirs = await house.client()
  expect((await ask('words', 'before', {}, theirs.key)).status).toBe(200)
  const { gateway } = house
  await raw({
    ...{ url: gateway.url, key: gateway.adminKey, method: 'PATCH' },
    ...{ path: `/admin/accounts/${theirs.account}`, body: '{"disabled":true}' },
  })
  expect(code(await ask('words', 'before', {}, theirs.key))).toBe('key_not_allowed')
})

test('a retry of an SDK is a call of its own, unless the operator wants it to join', async () => {
  const before = calls()
  const headers = { 'x-stainless-retry-count': '1' }
  const send = () => raw({ url: house.gateway.url, key: client.key, body: chat('slow'), headers })
  await Promise.all([send(), send()])
  expect(calls() - before).toBe(2)
})

test('an answer that is too long to be kept is given, and a repeat is another call', async () => {
  const before = calls()
  const first = await ask('long', 'long', { stream: true })
  expect(first.body.length).toBeGreaterThan(8 * 1024 * 1024)
  expect(payloads(first.body).at(-1)).toBe('[DONE]')
  expect((await ask('long', 'long', { stream: true })).headers['x-tollgate-replayed']).toBe(
    undefined,
  )
  expect(calls() - before).toBe(2)
})

test('a call that failed is tried again', async () => {
  const before = calls()
  expect((await ask('dead', 'failing')).status).toBe(503)
  expect((await ask('dead', 'failing')).status).toBe(503)
  expect(calls() - before).toBeGreaterThanOrEqual(2)
})

test('the call goes on for the others when the first caller leaves', async () => {
  const before = calls()
  const leaving = new AbortController()
  const first = fetch(`${house.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${client.key}`,
      'idempotency-key': 'left',
    },
    body: chat('slow'),
    signal: leaving.signal,
  }).catch(() => 'left')
  await house.upstream.until((journal) => journal.length > before)
  const second = ask('slow', 'left')
  // The second is on its way in before the first leaves: its balance request goes the same way.
  await client.balance()
  leaving.abort()
  expect(await first).toBe('left')
  expect((await second).status).toBe(200)
  expect(calls() - before).toBe(1)
})

test.each(['', 'x'.repeat(256)])('a name that is none is a clear mistake', async (name) => {
  const answer = await ask('words', name)
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body)).toMatchObject({ error: { param: 'idempotency-key' } })
})
