import { once } from 'node:events'
import net from 'node:net'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { textOf } from './fault-provider/answer.ts'
import { costOf, MESSAGES, openHouse, type Client, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'

const EXTRA = `
  - id: small
    price: { input: 2, output: 8 }
    context_tokens: 1000
    deployments: [{ provider: fake, model: answer }]
compatibility: { quota_status: 429 }
streams: { keep_alive_ms: 1000, keep_alive_delay_ms: 200 }
`

let house: House
let client: Client

beforeAll(async () => {
  house = await openHouse(
    {
      words: ['answer?chunks=5'],
      tools: ['answer?tools&chunks=3'],
      slow: ['answer?chunks=60&every=50'],
      late: ['answer?delay=900&chunks=5'],
      'late-error': ['answer?delay=900&status=500'],
      erring: ['answer?chunks=20&error=10'],
      cut: ['answer?chunks=20&cut=10'],
      conflict: ['answer?status=409&message=this+will+not+do'],
      dead: ['answer?status=500&retry_after=1'],
    },
    EXTRA,
  )
  client = await house.client()
})
afterAll(() => house.close())

/** A client as its makers ship it, with two retries, and the requests that it sends. */
function shipped(key: string) {
  const retryCounts: (string | null)[] = []
  const openai = new OpenAI({
    apiKey: key,
    baseURL: `${house.gateway.url}/v1`,
    fetch(url, init) {
      retryCounts.push(new Headers(init?.headers).get('x-stainless-retry-count'))
      return fetch(url, init)
    },
  })
  return { openai, retryCounts }
}

const asked = (model: string) => ({ model, messages: MESSAGES })

describe('a client that retries by itself', () => {
  test.each([
    // 429 and 409 would be retried by default: it is the header that says not to.
    ['credit that is used up', 'words', '20', { status: 429, code: 'insufficient_quota' }],
    ['a refusal of the provider', 'conflict', '1000000', { status: 409 }],
    ['a model that is not there', 'nope', '1000000', { status: 404, code: 'model_not_found' }],
  ])('does not retry %s', async (_what, model, credits, expected) => {
    const { key } = await house.client(credits)
    const { openai, retryCounts } = shipped(key)
    await expect(openai.chat.completions.create(asked(model))).rejects.toMatchObject(expected)
    expect(retryCounts).toEqual(['0'])
  })

  test('does not retry with a key that is none', async () => {
    const { openai, retryCounts } = shipped('tg-wrong')
    await expect(openai.chat.completions.create(asked('words'))).rejects.toMatchObject({
      status: 401,
    })
    expect(retryCounts).toEqual(['0'])
  })

  test('waits for credit that other requests hold, and is then answered', async () => {
    const probe = await house.client()
    const calls = house.upstream.journal.length
    const probing = raw({ url: house.gateway.url, key: probe.key, body: chat('late') })
    await house.upstream.until((journal) => journal.length > calls)
    const hold = Number(await probe.held())
    await probing

    const { key, balance } = await house.client(String(Math.ceil(hold * 1.5)))
    const first = raw({ url: house.gateway.url, key, body: chat('late') })
    await house.upstream.until((journal) => journal.length > calls + 1)
    const { openai, retryCounts } = shipped(key)
    const answer = await openai.chat.completions.create(asked('words'))
    expect(answer.choices[0]?.message.content).toBe(textOf(5))
    expect(retryCounts).toEqual(['0', '1'])
    expect((await first).status).toBe(200)
    const paid = house.upstream.journal.slice(-2).map(({ usage }) => costOf(usage))
    expect(Number(await balance())).toBe(Math.ceil(hold * 1.5) - paid.reduce((a, b) => a + b))
  })

  test('comes back as long as a provider’s trouble may pass, each try for nothing', async () => {
    const { key, balance } = await house.client('5000')
    const { openai, retryCounts } = shipped(key)
    await expect(openai.chat.completions.create(asked('dead'))).rejects.toMatchObject({
      status: 503,
    })
    expect(retryCounts).toEqual(['0', '1', '2'])
    expect(await balance()).toBe('5000')
  })
})

describe('a client that leaves a stream', () => {
  const ways = {
    'its AbortController': (abort: AbortController) => {
      abort.abort()
      return false
    },
    'a break from the loop': () => true,
  }

  test.each(Object.entries(ways))('by %s stops the provider', async (_what, leave) => {
    const calls = house.upstream.journal.length
    const abort = new AbortController()
    const stream = await client.openai.chat.completions.create(
      { ...asked('slow'), stream: true },
      { signal: abort.signal },
    )
    let chunks = 0
    for await (const _chunk of stream) if (++chunks === 5 && leave(abort)) break
    await house.upstream.until((journal) => journal[calls]?.ended === 'caller_left')
    expect(house.upstream.journal[calls]?.usage.completion).toBeLessThan(30)
  })
})

describe('the SDK’s stream helper', () => {
  test('hears the text grow, its end, the usage and the cost', async () => {
    const deltas: string[] = []
    const events: string[] = []
    const runner = client.openai.chat.completions
      .stream({ ...asked('words'), stream_options: { include_usage: true } })
      .on('connect', () => events.push('connect'))
      .on('content', (delta) => deltas.push(delta))
      .on('content.done', ({ content }) => events.push(`done: ${content}`))
      .on('end', () => events.push('end'))
    const final = await runner.finalChatCompletion()
    await runner.done()
    expect(deltas.join('')).toBe(textOf(5))
    expect(events).toEqual(['connect', `done: ${textOf(5)}`, 'end'])
    const { usage } = house.upstream.journal.at(-1) ?? { usage: { prompt: 0, completion: 0 } }
    expect(final.usage).toMatchObject({ completion_tokens: 5, cost: costOf(usage) })
  })

  test('hears a tool call put together', async () => {
    const calls: unknown[] = []
    const runner = client.openai.chat.completions
      .stream(asked('tools'))
      .on('tool_calls.function.arguments.done', (call) => calls.push(call))
    await runner.done()
    expect(calls).toMatchObject([{ name: 'look', index: 0, arguments: '{"at":"sky"}' }])
  })

  test.each(['erring', 'cut'])('hears that an answer broke off (%s)', async (model) => {
    const errors: unknown[] = []
    const runner = client.openai.chat.completions
      .stream(asked(model))
      .on('error', (error) => errors.push(error))
    await expect(runner.finalChatCompletion()).rejects.toMatchObject({ code: 'upstream_error' })
    expect(errors).toHaveLength(1)
  })
})

test.each(['erring', 'cut'])(
  'a stream that breaks off throws in the caller’s loop: it does not end quietly (%s)',
  async (model) => {
    const stream = await client.openai.chat.completions.create({ ...asked(model), stream: true })
    const texts: string[] = []
    const reading = async () => {
      for await (const chunk of stream) texts.push(chunk.choices[0]?.delta.content ?? '')
    }
    await expect(reading()).rejects.toMatchObject({ code: 'upstream_error', type: 'api_error' })
    expect(texts.join('')).toBe(textOf(10))
  },
)

/** What a socket answers to these requests in turn, until the server has nothing more to say on it. */
async function overOneSocket(version: string, bodies: readonly string[]): Promise<string> {
  const { port, hostname } = new URL(house.gateway.url)
  const socket = net.connect(Number(port), hostname)
  let text = ''
  socket.on('data', (piece: Buffer) => (text += piece.toString()))
  const isOver = (count: number) => text.split('data: [DONE]\n\n').length > count
  for (const [index, body] of bodies.entries()) {
    const head = [
      `POST /v1/chat/completions HTTP/${version}`,
      'host: gateway',
      'connection: keep-alive',
    ]
    const more = [`authorization: Bearer ${client.key}`, `content-length: ${body.length}`, '', body]
    socket.write([...head, ...more].join('\r\n'))
    while (!isOver(index + 1)) await once(socket, 'data')
  }
  socket.end()
  await once(socket, 'close')
  return text
}

test.each([
  '/v1/responses',
  '/responses',
  '/v1/completions',
  '/api/v1/chat/completions',
  '/openai/deployments/words/chat/completions',
])('a client that asks at %s is told where chats are answered', async (path) => {
  const headers = { authorization: `Bearer ${client.key}` }
  const response = await fetch(`${house.gateway.url}${path}`, { method: 'POST', headers })
  const { error } = (await response.json()) as { error: { message: string; code: string } }
  expect(response.status).toBe(404)
  expect(error.code).toBe('not_found')
  expect(error.message).toContain('POST /v1/chat/completions')
})

test('a prompt that is too long is refused in the words by which agents know it', async () => {
  const messages = [{ role: 'user' as const, content: 'word '.repeat(5_000) }]
  await expect(
    client.openai.chat.completions.create({ model: 'small', messages }),
  ).rejects.toMatchObject({
    ...{ status: 400, code: 'context_length_exceeded', param: 'messages' },
    message: expect.stringContaining(
      "This model's maximum context length is 1000 tokens",
    ) as string,
  })
})

describe('a stream on a connection of one’s own', () => {
  const body = chat('words', { stream: true })

  test('is in chunks, and the next request goes over the same connection', async () => {
    const text = await overOneSocket('1.1', [body, body, body])
    const [, ...answers] = text.split('HTTP/1.1 200 OK\r\n')
    expect(answers).toHaveLength(3)
    for (const answer of answers) {
      const end = answer.indexOf('\r\n\r\n') + 4
      expect(answer.slice(0, end)).toMatch(/^transfer-encoding: chunked\r$/im)
      const chunks = answer.slice(end).matchAll(/([\da-f]+)\r\n([^\r]*)\r\n/g)
      const list = Array.from(chunks, ([, size = '', data = '']) => ({
        size: parseInt(size, 16),
        data,
      }))
      expect(list.map(({ data }) => data.length)).toEqual(list.map(({ size }) => size))
      expect(list.at(-1)).toEqual({ size: 0, data: '' })
      expect(list.map(({ data }) => data).join('')).toMatch(/^data: \{[^]*\n\ndata: \[DONE\]\n\n$/)
    }
  })

  test('of HTTP/1.0 is not in chunks, and ends with the connection', async () => {
    const text = await overOneSocket('1.0', [body])
    expect(text).not.toMatch(/transfer-encoding/i)
    expect(text).toMatch(/\r\n\r\ndata: \{[^]*\n\ndata: \[DONE\]\n\n$/)
  })
})

describe('keep-alive comments', () => {
  test('are sent while the provider is silent', async () => {
    const body = chat('late', { stream: true })
    const answer = await raw({ url: house.gateway.url, key: client.key, body })
    expect(answer.body).toMatch(/^: keep-alive\ndata: \{/)
  })

  test('are no events to a client that takes each blank line for the end of one', async () => {
    const body = chat('late', { stream: true })
    const answer = await raw({ url: house.gateway.url, key: client.key, body })
    const events = answer.body.split('\n\n').slice(0, -1)
    expect(events[0]).toContain(': keep-alive')
    expect(events.filter((event) => !/^data: ./m.test(event))).toEqual([])
  })

  test('are nothing to the SDK: its stream is complete', async () => {
    const stream = await client.openai.chat.completions.create({ ...asked('late'), stream: true })
    const texts: string[] = []
    for await (const chunk of stream) texts.push(chunk.choices[0]?.delta.content ?? '')
    expect(texts.join('')).toBe(textOf(5))
  })

  test('have begun the answer, so that a failure after them comes as an error in the stream', async () => {
    const before = await client.balance()
    const stream = await client.openai.chat.completions.create({
      ...asked('late-error'),
      stream: true,
    })
    const reading = async () => {
      for await (const _chunk of stream) throw new Error('a chunk of an answer that failed')
    }
    await expect(reading()).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(await client.balance()).toBe(before)
    expect(await client.held()).toBe('0')
  })
})
