import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'

let house: House
beforeAll(async () => {
  house = await openHouse(
    {
      slow: ['answer?delay=700&chunks=5'],
      words: ['answer?chunks=5'],
      talkative: ['answer?chunks=1000'],
    },
    'limits: { key_in_flight_max: 0, account_in_flight_max: 0 }',
  )
})
afterAll(() => house.close())

test('of 200 parallel requests on credit for 10 holds, 10 go upstream and the rest are told to wait', async () => {
  const probe = await house.client()
  const pending = raw({ url: house.gateway.url, key: probe.key, body: chat('slow') })
  await house.upstream.until((journal) => journal.length === 1)
  const hold = Number(await probe.held())
  const { usage } = house.upstream.journal[0] ?? { usage: { prompt: 0, completion: 0 } }
  await pending
  const cost = 1_000_000 - Number(await probe.balance())
  expect(cost).toBe(usage.prompt * 2 + usage.completion * 8)

  const client = await house.client(String(hold * 10))
  const answers = await Promise.all(
    Array.from({ length: 200 }, () =>
      raw({ url: house.gateway.url, key: client.key, body: chat('slow') }),
    ),
  )
  expect(answers.filter(({ status }) => status === 200).length).toBe(10)
  const refused = answers.filter(({ status }) => status !== 200)
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]))
  expect(
    new Set(
      refused.map(({ body }) => (JSON.parse(body) as { error: { code: string } }).error.code),
    ),
  ).toEqual(new Set(['credit_held']))
  expect(
    refused.every(
      ({ headers }) => headers['x-should-retry'] === 'true' && headers['retry-after'] === '1',
    ),
  ).toBe(true)
  expect(house.upstream.journal.length).toBe(11)
  expect(Number(await client.balance())).toBe(hold * 10 - cost * 10)
  expect(await client.held()).toBe('0')
})

test('credit that does not pay the whole bound lowers the cap that is sent upstream', async () => {
  const client = await house.client('400')
  const answer = await raw({
    url: house.gateway.url,
    key: client.key,
    body: chat('words', { max_tokens: 4000 }),
  })
  expect(answer.status).toBe(200)
  const sent = Number(house.upstream.journal.at(-1)?.body['max_tokens'])
  expect(sent).toBeGreaterThanOrEqual(16)
  expect(sent * 8).toBeLessThanOrEqual(400)
})

test('credit that pays for no useful answer is used up, and a retry would not help', async () => {
  const client = await house.client('20')
  const calls = house.upstream.journal.length
  const { status, body, headers } = await raw({
    url: house.gateway.url,
    key: client.key,
    body: chat('words'),
  })
  expect(status).toBe(402)
  expect(headers['x-should-retry']).toBe('false')
  expect(body).toContain('insufficient_quota')
  expect(headers).toMatchObject({
    'x-tollgate-attempts': '0',
    'x-tollgate-cost': '0',
    'x-tollgate-balance': '20',
  })
  expect(house.upstream.journal.length).toBe(calls)
})

test('three answers to one prompt hold and cost three times the output', async () => {
  const client = await house.client()
  const pending = raw({
    url: house.gateway.url,
    key: client.key,
    body: chat('slow', { max_tokens: 100 }),
  })
  const calls = house.upstream.journal.length
  await house.upstream.until((journal) => journal.length > calls)
  const one = Number(await client.held())
  await pending
  const three = raw({
    url: house.gateway.url,
    key: client.key,
    body: chat('slow', { max_tokens: 100, n: 3 }),
  })
  await house.upstream.until((journal) => journal.length > calls + 1)
  expect(Number(await client.held()) - one).toBeGreaterThanOrEqual(2 * 100 * 8)
  await three
})

test('x-max-cost lowers the cap to what the caller allows, and no answer costs more', async () => {
  const client = await house.client()
  const answer = await raw({
    url: house.gateway.url,
    key: client.key,
    body: chat('words', { max_tokens: 4000 }),
    headers: { 'x-max-cost': '400' },
  })
  expect(answer.status).toBe(200)
  expect(Number(house.upstream.journal.at(-1)?.body['max_tokens']) * 8).toBeLessThanOrEqual(400)
  expect(Number(answer.headers['x-tollgate-cost'])).toBeLessThanOrEqual(400)
})

test.each([true, false])(
  'of an answer that is longer than its provider was told, the caller pays x-max-cost (stream: %s)',
  async (stream) => {
    const client = await house.client()
    const answer = await raw({
      url: house.gateway.url,
      key: client.key,
      body: chat('talkative', { stream }),
      headers: { 'x-max-cost': '300' },
    })
    expect(answer.status).toBe(200)
    expect([await client.balance(), await client.held()]).toEqual(['999700', '0'])
    const receipt = await raw({
      ...{ url: house.gateway.url, key: client.key, method: 'GET' },
      path: `/v1/receipts/${String(answer.headers['x-request-id'])}`,
    })
    expect(JSON.parse(receipt.body)).toMatchObject({ charged: '300', recomputed: true })
  },
)

test('an x-max-cost that pays for no useful answer is refused by its name, and nothing goes upstream', async () => {
  const client = await house.client()
  const calls = house.upstream.journal.length
  const answer = await raw({
    url: house.gateway.url,
    key: client.key,
    body: chat('words'),
    headers: { 'x-max-cost': '20' },
  })
  expect(answer.status).toBe(402)
  expect(JSON.parse(answer.body)).toMatchObject({
    error: { code: 'insufficient_quota', param: 'x-max-cost' },
  })
  expect(house.upstream.journal.length).toBe(calls)
  expect(await client.held()).toBe('0')
})

test.each(['0', '-1', 'much', '1e3', '0.0000001', 'NaN', '', '1, 1'])(
  'an x-max-cost of %j is a clear mistake',
  async (maxCost) => {
    const client = await house.client()
    const answer = await raw({
      url: house.gateway.url,
      key: client.key,
      body: chat('words'),
      headers: { 'x-max-cost': maxCost },
    })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { param: 'x-max-cost' } })
  },
)
