import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from './support/house.ts'
import { ofKind } from './support/journal.ts'
import { chat, payloads, raw } from './support/raw.ts'

let house: House
let client: Client
beforeAll(async () => {
  house = await openHouse(
    {
      slow: ['answer?delay=600&chunks=3'],
      dripping: ['answer?chunks=20&every=40'],
      hanging: ['answer?hang'],
      words: ['answer?chunks=2'],
    },
    'repeats: { join_retries: true, join_wait_ms: 1500 }',
  )
  client = await house.client()
})
afterAll(() => house.close())

const ask = (model: string, retry: string, more: object = {}, key = client.key) =>
  raw({
    ...{ url: house.gateway.url, key, body: chat(model, more) },
    headers: { 'x-stainless-retry-count': retry },
  })

const calls = () => house.upstream.journal.length
const settles = () => ofKind(house.gateway.dir, 'settle').length

test.each([true, false])('a retry joins the call that it repeats (stream: %s)', async (stream) => {
  const [before, settled] = [calls(), settles()]
  const first = ask(stream ? 'dripping' : 'slow', '0', { stream })
  await house.upstream.until(({ length }) => length > before)
  const second = await ask(stream ? 'dripping' : 'slow', '1', { stream })
  expect(second.headers['x-tollgate-replayed']).toBe('true')
  expect(payloads(second.body)).toEqual(payloads((await first).body))
  expect(second.body).toBe((await first).body)
  expect([calls() - before, settles() - settled]).toEqual([1, 1])
})

test('an SDK that gave up and tries again gets the answer, and pays once', async () => {
  const [before, settled] = [calls(), settles()]
  const impatient = new OpenAI({
    ...{ apiKey: client.key, baseURL: `${house.gateway.url}/v1`, maxRetries: 2, timeout: 400 },
  })
  const answer = await impatient.chat.completions.create({
    ...{ model: 'slow', messages: [{ role: 'user', content: 'Patience.' }] },
  })
  expect(answer.choices[0]?.message.content).toBe('word0 word1 word2')
  expect([calls() - before, settles() - settled]).toEqual([1, 1])
})

test('a call that nobody comes back for is cancelled, and its prompt is charged once', async () => {
  const settled = settles()
  const leaving = new AbortController()
  const before = calls()
  const gone = fetch(`${house.gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${client.key}`,
      'x-stainless-retry-count': '0',
    },
    body: chat('hanging'),
    signal: leaving.signal,
  }).catch(() => 'left')
  await house.upstream.until(({ length }) => length > before)
  leaving.abort()
  expect(await gone).toBe('left')
  await house.upstream.until((journal) => journal[before]?.ended === 'caller_left')
  while (settles() === settled) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(ofKind(house.gateway.dir, 'settle').at(-1)).toMatchObject({ outcome: 'aborted_early' })
})

test('the same body without being a retry, or of another key, is a call of its own', async () => {
  const before = calls()
  const stranger = await house.client()
  await Promise.all([
    ask('slow', '0', { user: 'same' }),
    ask('slow', '0', { user: 'same' }),
    ask('slow', '1', { user: 'same' }, stranger.key),
  ])
  expect(calls() - before).toBe(3)
  expect((await ask('words', '1')).status).toBe(200)
  expect(calls() - before).toBe(4)
})
