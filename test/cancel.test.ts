import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import type OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { costOf, MESSAGES, openHouse, type Client, type House } from './support/house.ts'
import { settledOf } from './support/journal.ts'
import { raw } from './support/raw.ts'

let house: House
let client: Client
beforeAll(async () => {
  const models = {
    cooling: ['answer?status=429&retry_after=4'],
    long: ['answer?chunks=400&every=20'],
    uneven: ['answer?several&chunks=400&every=20&first=2'],
    short: ['answer?chunks=3'],
    'all-there': ['answer?several&chunks=5&held_rest'],
  }
  house = await openHouse(models, 'streams: { keep_alive_delay_ms: 100 }')
  client = await house.client()
})
afterAll(() => house.close())

type Chunk = OpenAI.ChatCompletionChunk

async function begin(model: string) {
  const { data, response } = await client.openai.chat.completions
    .create({
      ...{ model, messages: MESSAGES, n: 2 },
      ...{ stream: true, stream_options: { include_usage: true } },
    })
    .withResponse()
  const chunks: Chunk[] = []
  const id = response.headers.get('x-request-id') ?? ''
  return { id, chunks, iterator: data[Symbol.asyncIterator]() }
}

const cancel = (key: string, id: string) =>
  raw({ url: house.gateway.url, key, path: `/v1/requests/${id}/cancel`, body: '' })

test('a cancelled stream ends with a finish, its usage and [DONE], and costs what was delivered', async () => {
  const before = Number(await client.balance())
  const { id, chunks, iterator } = await begin('long')
  for (let count = 0; count < 5; count++) {
    const { value } = (await iterator.next()) as IteratorYieldResult<Chunk>
    chunks.push(value)
  }
  const answer = await cancel(client.key, id)
  expect(answer.status).toBe(200)
  expect(JSON.parse(answer.body)).toEqual({ id, object: 'request.cancelled', cancelled: true })
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
    chunks.push(next.value)

  const [finish, last] = chunks.slice(-2)
  expect(finish?.choices.map((choice) => choice.finish_reason)).toEqual(['stop', 'stop'])
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
  const used = { prompt: countTokens(MESSAGES[0]?.content ?? ''), completion: countTokens(text) }
  expect(last?.usage).toMatchObject({
    ...{ prompt_tokens: used.prompt, completion_tokens: used.completion },
  })
  expect(before - Number(await client.balance())).toBe(costOf(used))
  expect(await client.held()).toBe('0')
  expect(settledOf(house.gateway.dir, id)).toMatchObject({ outcome: 'aborted', estimated: true })
  expect(chunks.length).toBeLessThan(300)
  expect((await cancel(client.key, id)).status).toBe(404)
})

test('a stream that is cancelled when all of it has come costs what its provider reports', async () => {
  const { id, chunks, iterator } = await begin('all-there')
  while (chunks.flatMap(({ choices }) => choices).filter((one) => one.finish_reason).length < 2) {
    const { value } = (await iterator.next()) as IteratorYieldResult<Chunk>
    chunks.push(value)
  }
  expect((await cancel(client.key, id)).status).toBe(200)
  house.upstream.letGo()
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
    chunks.push(next.value)
  expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 10 })
  const record = settledOf(house.gateway.dir, id)
  expect(record).toMatchObject({ outcome: 'finished', usage: { output: 10 } })
  expect(record['estimated']).toBeUndefined()
})

test('of a stream that is cancelled each choice has one finish, its own or the one in its place', async () => {
  const { id, chunks, iterator } = await begin('uneven')
  const finishes = () =>
    chunks.flatMap(({ choices }) => choices.filter((choice) => choice.finish_reason !== null))
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    chunks.push(next.value)
    if (finishes().length === 1 && chunks.length === 12)
      expect((await cancel(client.key, id)).status).toBe(200)
  }
  expect(finishes().map(({ index }) => index)).toEqual([0, 1])
  expect(chunks.length).toBeLessThan(300)
  expect(chunks.at(-1)?.usage).toBeDefined()
  expect(settledOf(house.gateway.dir, id)).toMatchObject({ outcome: 'aborted' })
})

test('who cancels when their only attempt has failed, and waits for another, pays nothing', async () => {
  const balance = await client.balance()
  const { id, chunks, iterator } = await begin('cooling')
  expect((await cancel(client.key, id)).status).toBe(200)
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
    chunks.push(next.value)
  expect(chunks.at(-1)?.usage).toMatchObject({ total_tokens: 0 })
  expect(settledOf(house.gateway.dir, id)).toMatchObject({
    ...{ outcome: 'aborted_early', amount: '0' },
    attempts: [{ fault: 'rate_limited' }],
  })
  expect([await client.balance(), await client.held()]).toEqual([balance, '0'])
})

test('who joined a call that runs ends it by the id that they got, for all who share it', async () => {
  const sent = { model: 'long', messages: MESSAGES, stream: true } as const
  const join = async () => {
    const named = { headers: { 'idempotency-key': 'shared' } }
    const { data, response } = await client.openai.chat.completions
      .create(sent, named)
      .withResponse()
    return { id: response.headers.get('x-request-id') ?? '', stream: data }
  }
  const calls = house.upstream.journal.length
  const first = await join()
  const second = await join()
  expect(house.upstream.journal.length).toBe(calls + 1)
  expect((await cancel(client.key, second.id)).status).toBe(200)
  for (const { stream } of [first, second]) {
    const finishes: unknown[] = []
    for await (const { choices } of stream) finishes.push(choices[0]?.finish_reason)
    expect(finishes.at(-1)).toBe('stop')
    expect(finishes.length).toBeLessThan(300)
  }
  expect(settledOf(house.gateway.dir, first.id)).toMatchObject({ outcome: 'aborted' })
  expect((await cancel(client.key, second.id)).status).toBe(404)
})

test('what has ended, what never was, and what belongs to another account is not there', async () => {
  const other = await house.client()
  const { id, iterator } = await begin('long')
  await iterator.next()
  expect((await cancel(other.key, id)).status).toBe(404)
  expect((await cancel('tg-wrong', id)).status).toBe(401)
  expect((await cancel(client.key, id)).status).toBe(200)
  const done = await begin('short')
  while ((await done.iterator.next()).done !== true);
  const answers = [await cancel(client.key, done.id), await cancel(client.key, 'req_none')]
  for (const { status, body } of answers) {
    expect(status).toBe(404)
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'not_found' } })
  }
})
