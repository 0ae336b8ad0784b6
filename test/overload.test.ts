import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from './support/house.ts'
import { checkInvariants } from './support/invariants.ts'
import { planted } from './support/planted.ts'
import { markedChat, raw, type RawAnswer } from './support/raw.ts'
import { warmBaseOf, type Base } from './support/returned.ts'

let house: House
let base: Base
const heard: RawAnswer[] = []

beforeAll(async () => {
  house = await openHouse(
    {
      slow: ['answer?delay=600&chunks=2'],
      words: ['answer?chunks=2'],
      unsaid: ['answer?usage=none'],
    },
    'limits: { key_in_flight_max: 5, account_in_flight_max: 8 }',
    planted(),
  )
  const { key } = await house.client()
  base = await warmBaseOf(house.gateway, () => ask(key, 'unsaid'))
})
afterAll(() => house.close())

async function ask(key: string, model: string): Promise<RawAnswer> {
  const answer = await raw({ url: house.gateway.url, key, body: markedChat(model) })
  heard.push(answer)
  return answer
}

const many = (key: string, count: number): Promise<RawAnswer[]> =>
  Promise.all(Array.from({ length: count }, () => ask(key, 'slow')))

const passed = (answers: readonly RawAnswer[]) => answers.filter(({ status }) => status === 200)

async function furtherKey({ account }: Client): Promise<string> {
  const { key } = await house.gateway.issue([
    '--type',
    'user',
    '--userName',
    account,
    '--token',
    '1',
  ])
  return key
}

test('of 200 parallel requests of one key exactly as many pass as it may have in flight', async () => {
  const client = await house.client()
  const answers = await many(client.key, 200)
  expect(passed(answers).length).toBe(5)
  for (const { status, headers, body } of answers) {
    if (status === 200) continue
    expect(status).toBe(429)
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
    expect(headers).toMatchObject({ 'retry-after': '1', 'x-should-retry': 'true' })
  }
  expect((await ask(client.key, 'words')).status).toBe(200)
})

test('all keys of an account together have its limit, and nobody else is held up', async () => {
  const client = await house.client()
  const other = await house.client()
  const second = await furtherKey(client)
  const both = Promise.all([many(client.key, 50), many(second, 50)])
  const [mine, theirs] = await Promise.all([both, many(other.key, 5)])
  expect(passed(mine.flat()).length).toBe(8)
  expect(passed(theirs).length).toBe(5)
  expect(await client.held()).toBe('0')
})

test('a request that is refused for another reason leaves its place', async () => {
  const client = await house.client()
  for (let count = 0; count < 20; count++) expect((await ask(client.key, 'none')).status).toBe(404)
  expect((await ask(client.key, 'words')).status).toBe(200)
})

test('after all of it everything is as it should be', async () => {
  const { gateway, upstream } = house
  const secrets = ['upstream-secret-1', gateway.adminKey]
  await checkInvariants({ gateway, upstreams: [upstream], secrets, base }, heard)
}, 60_000)
