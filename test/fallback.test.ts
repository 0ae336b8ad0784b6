import { afterAll, beforeAll, expect, test } from 'vitest'
import { settledOf } from './support/journal.ts'
import { openHouse, type Client, type House } from './support/house.ts'
import { checkInvariants } from './support/invariants.ts'
import { planted } from './support/planted.ts'
import { markedChat, payloads, raw, type RawAnswer } from './support/raw.ts'
import { warmBaseOf, type Base } from './support/returned.ts'

let house: House
let client: Client
let base: Base
const heard: RawAnswer[] = []

const FAULTS = {
  'status=401': 'credential',
  'status=402': 'credential',
  'status=403': 'credential',
  'status=404': 'misrouted',
  'status=408': 'server',
  'status=429&retry_after=7': 'rate_limited',
  'status=500': 'server',
  'status=503': 'server',
  'status=529': 'server',
  'body=html': 'broken',
  'body=garbage': 'broken',
  hang: 'timeout',
} as const
/** These show only where the answer is streamed. */
const STREAM_FAULTS = {
  'cut=0': 'broken',
  'end=0': 'empty',
  'stall=0': 'timeout',
  'error=0': 'server',
  'bad_line=0': 'broken',
  'body=nothing': 'empty',
  'body=error': 'broken',
} as const

/** A name for a model whose first deployment has this fault. */
const modelOf = (query: string): string => query.replace(/\W/g, '-')

beforeAll(async () => {
  const queries = [...Object.keys(FAULTS), ...Object.keys(STREAM_FAULTS)]
  const models = {
    unsaid: ['answer?usage=none'],
    ...Object.fromEntries(
      queries.map((query) => [modelOf(query), [`answer?${query}`, 'answer?chunks=3']]),
    ),
    first: ['answer?status=500&n=1', 'answer?status=500&n=2', 'answer?status=500&n=3', 'answer'],
    theirs: ['answer?status=422', 'answer'],
    empty: ['answer?body=empty'],
    down: ['answer?status=500&n=4'],
  }
  house = await openHouse(models, '', planted())
  client = await house.client()
  base = await warmBaseOf(house.gateway, () => ask('unsaid', true))
})
afterAll(() => house.close())

async function ask(model: string, stream: boolean) {
  const calls = house.upstream.journal.length
  const answer = await raw({
    url: house.gateway.url,
    key: client.key,
    body: markedChat(model, { stream }),
  })
  heard.push(answer)
  const record = settledOf(house.gateway.dir, String(answer.headers['x-request-id']))
  return { ...answer, record, calls: house.upstream.journal.slice(calls) }
}

const cases = [
  ...Object.entries(FAULTS).flatMap(([query, fault]) => [
    [query, true, fault] as const,
    // What is not streamed has no first byte to wait for: only the total time would end it.
    ...(query === 'hang' ? [] : [[query, false, fault] as const]),
  ]),
  ...Object.entries(STREAM_FAULTS).map(([query, fault]) => [query, true, fault] as const),
]

/** Who says nothing is waited for, as long as configured. */
const FIRST_BYTE_MS = 1_500
const SILENT = new Set<string>(['hang', 'stall=0'])

async function expectNext(query: string, stream: boolean, fault: string) {
  const { status, body, record, calls, headers } = await ask(modelOf(query), stream)
  expect(status).toBe(200)
  expect(body).toContain('word2')
  if (stream) expect(payloads(body).at(-1)).toBe('[DONE]')
  expect(calls.map(({ model }) => model)).toEqual([`answer?${query}`, 'answer?chunks=3'])
  expect(record).toMatchObject({ outcome: 'finished', deployment: 'fake/answer?chunks=3' })
  expect((record['attempts'] as { fault?: string }[]).map((attempt) => attempt.fault)).toEqual([
    fault,
    undefined,
  ])
  expect(headers['x-tollgate-attempts']).toBe('2')
  return record
}

test.each(cases.filter(([query]) => !SILENT.has(query)))(
  '%s before the first token: the next deployment answers (stream: %s)',
  async (query, stream, fault) => {
    await expectNext(query, stream, fault)
  },
)

async function expectInTime(query: string) {
  const balance = Number(await client.balance())
  const record = await expectNext(query, true, 'timeout')
  const [{ ms } = { ms: 0 }] = record['attempts'] as { ms: number }[]
  expect(ms).toBeGreaterThanOrEqual(FIRST_BYTE_MS - 100)
  expect(ms).toBeLessThan(2 * FIRST_BYTE_MS)
  expect(await client.held()).toBe('0')
  expect(balance - Number(await client.balance())).toBe(Number(record['amount']) / 1_000_000)
}

test('F41: a provider that hangs before its head has the time of a first token, then the next one answers', async () => {
  await expectInTime('hang')
})

test('F42: a provider that sends its head and then hangs has the time of a first token, then the next one answers', async () => {
  await expectInTime('stall=0')
})

test('no deployment is called twice, and no more than three are', async () => {
  const { status, calls, headers, body } = await ask('first', false)
  expect(status).toBe(503)
  expect(headers['x-should-retry']).toBe('true')
  expect(headers['x-tollgate-attempts']).toBe('3')
  expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  expect(calls.map(({ model }) => model)).toEqual([1, 2, 3].map((n) => `answer?status=500&n=${n}`))
  expect(body).not.toContain(house.upstream.baseUrl)
})

test('a refusal of the request itself goes to the caller at once', async () => {
  const { status, calls, headers } = await ask('theirs', true)
  expect({ status, calls: calls.length }).toEqual({ status: 422, calls: 1 })
  expect(headers['x-should-retry']).toBe('false')
})

test.each([
  ['down', false, 503],
  ['down', true, 503],
  ['theirs', false, 422],
  ['empty', false, 502],
])(
  'a refusal says how many were tried, that it cost nothing, and what is left: %s (stream: %s)',
  async (model, stream, status) => {
    const { headers, ...answer } = await ask(model, stream)
    expect(answer.status).toBe(status)
    expect(headers).toMatchObject({
      'x-tollgate-attempts': '1',
      'x-tollgate-cost': '0',
      'x-tollgate-balance': await client.balance(),
    })
    expect(headers['x-tollgate-provider']).toBe(model === 'theirs' ? 'fake' : undefined)
  },
)

test('after all of it everything is as it should be', async () => {
  const { gateway, upstream } = house
  const secrets = ['upstream-secret-1', client.key, gateway.adminKey]
  await checkInvariants({ gateway, upstreams: [upstream], secrets, base }, heard)
}, 60_000)
