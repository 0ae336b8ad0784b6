import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { root, startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { ofKind, settledOf, untilLogged } from './support/journal.ts'
import { scrape } from './support/metrics.ts'
import { chat, payloads, raw } from './support/raw.ts'

let gateway: GatewayProcess
let upstream: FaultProvider
let key: string

const MODELS: Readonly<Record<string, readonly string[]>> = {
  cut: ['answer?chunks=10&cut=4', 'answer?chunks=10'],
  ended: ['answer?chunks=10&end=4', 'answer?chunks=10&crlf'],
  stalled: ['answer?chunks=10&stall=4', 'answer?chunks=10'],
  twice: ['answer?chunks=10&cut=3', 'answer?chunks=10&cut=6', 'answer?chunks=10&usage=none'],
  around: ['answer?chunks=10&error=2', 'answer?status=500', 'answer?chunks=10&drip'],
  hopeless: ['answer?chunks=10&cut=3', 'answer?status=500&n=1', 'answer?status=500&n=2'],
  thinking: ['answer?chunks=10&cut=7&reasoning', 'answer?chunks=10'],
  counted: ['answer?chunks=4&usage=none'],
  leaving: ['answer?chunks=10&cut=4&n=x', 'answer?hang'],
  prefilled: ['answer?chunks=10&cut=4&n=p', 'answer?chunks=10", continue_as: "prefix'],
}

const config = (): string => `
accounting: { credits_per_usd: 1000000, default_max_output: 100 }
tiers: { free: { requests_per_minute: 0 } }
resilience: { breaker_failures: 1000 }
providers:
${[0, 1, 2, 3, 4].map((at) => `  - { id: p${at}, protocol: openai, base_url: "${upstream.baseUrl}", api_keys: k, timeouts: { idle_ms: 500 } }`).join('\n')}
models:
${Object.entries(MODELS)
  .map(
    ([id, places]) => `  - id: ${id}
    price: { input: 2, output: 8 }
    continue_cut_streams: true
    deployments:
${places.map((model, at) => `      - { provider: p${at}, model: "${model}", price: { input: ${2 + at}, output: ${8 + at} } }`).join('\n')}`,
  )
  .join('\n')}
  - id: other
    price: { input: 2, output: 8 }
    deployments: [{ provider: p1, model: "answer?chunks=12" }]
  - id: lonely
    price: { input: 2, output: 8 }
    continue_cut_streams: true
    deployments: [{ provider: p0, model: "answer?chunks=10&cut=4&n=l" }]
    fallbacks: [other]
  - id: helpless
    price: { input: 2, output: 8 }
    continue_cut_streams: true
    deployments:
      - { provider: p0, model: "answer?chunks=10&cut=3&n=h" }
      - { provider: p4, model: "answer?status=500" }
  - id: between
    price: { input: 2, output: 8 }
    continue_cut_streams: true
    deployments:
      - { provider: p0, model: "answer?chunks=10&cut=4&n=b" }
      - { provider: p3, model: "answer?status=429&retry_after=5" }
      - { provider: p3, model: "answer?chunks=10&n=b" }
`

beforeAll(async () => {
  upstream = await startFaultProvider()
  gateway = await startGateway({ config: config() })
  key = (await gateway.user('user', '1000000')).key
})
afterAll(async () => {
  await gateway.stop()
  await promisify(execFile)(process.execPath, [path.join(root, 'scripts', 'audit.js')], {
    env: { PATH: process.env['PATH'], DB_DIR: path.join(gateway.dir, 'db') },
  })
  await gateway.close()
  await upstream.close()
})

type Chunk = Readonly<{
  id: string
  created: number
  model: string
  error?: { code: string }
  tollgate?: unknown
  usage?: { prompt_tokens: number; completion_tokens: number; cost: number } | null
  choices?: readonly { delta: { role?: string; content?: string }; finish_reason: string | null }[]
}>

/** Asks for a stream, and reads it as a client would. */
async function streamed(model: string, more: object = {}) {
  const before = upstream.journal.length
  const body = chat(model, { stream: true, stream_options: { include_usage: true }, ...more })
  const answer = await raw({ url: gateway.url, key, body })
  const all = payloads(answer.body)
  const chunks = all.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one) as Chunk)
  const id = String(answer.headers['x-request-id'])
  return {
    ...{ id, chunks, last: all.at(-1), calls: upstream.journal.slice(before) },
    text: chunks.map(({ choices }) => choices?.[0]?.delta.content ?? '').join(''),
    settled: settledOf(gateway.dir, id),
  }
}

const words = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `word${from + at}`).join(' ')

describe('a stream that breaks off goes on', () => {
  test.each(['cut', 'ended', 'stalled', 'twice', 'around'])(
    'at the next deployment, as one stream (%s)',
    async (model) => {
      const { chunks, text, last, calls } = await streamed(model)
      expect(text).toBe(words(0, 10))
      expect(last).toBe('[DONE]')
      expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set([calls[0]?.id]))
      expect(new Set(chunks.map((one) => one.created)).size).toBe(1)
      expect(new Set(chunks.map((one) => one.model))).toEqual(new Set([MODELS[model]?.[0]]))
      const ends = chunks.filter(({ choices }) => choices?.[0]?.finish_reason)
      expect(ends).toMatchObject([{ tollgate: { continued: true } }])
      expect(chunks.filter(({ choices }) => choices?.[0]?.delta.role !== undefined)).toHaveLength(1)
    },
  )

  test("for one price: the prompt once, all that came, and the rest of it is the operator's", async () => {
    const { chunks, settled, calls } = await streamed('cut')
    expect(calls).toHaveLength(2)
    const second = calls[1]
    const counted = (await streamed('counted')).settled['usage'] as typeof usage
    const usage = settled['usage'] as { input: number; output: number }
    expect(second?.usage.completion).toBe(6)
    expect(usage).toEqual({ input: counted.input, output: counted.output + 6 })
    const cost = (usage.input * 2 + usage.output * 8) * 1_000_000
    expect(settled).toMatchObject({
      ...{ outcome: 'finished', estimated: true, deployment: 'p0/answer?chunks=10&cut=4' },
      ...{ cost: String(cost), amount: String(cost) },
      attempts: [
        { deployment: 'p0/answer?chunks=10&cut=4', fault: 'broken' },
        { deployment: 'p1/answer?chunks=10', cost: expect.stringMatching(/^[1-9]\d*$/) as string },
      ],
    })
    const shown = chunks.find(({ usage: one }) => one)?.usage
    expect(shown).toMatchObject({
      ...{ prompt_tokens: usage.input, completion_tokens: usage.output, cost: cost / 1_000_000 },
    })
  })

  test('from what its caller has, in the form that the deployment wants', async () => {
    const messagesOf = (call: FaultProvider['journal'][number] | undefined) =>
      call?.body['messages'] as object[]
    const instructed = (await streamed('cut')).calls[1]
    expect(messagesOf(instructed).slice(1)).toMatchObject([
      { role: 'assistant', content: words(0, 4) },
      { role: 'user' },
    ])
    expect(instructed?.body['max_tokens']).toBeLessThan(100)
    const prefilled = (await streamed('prefilled')).calls[1]
    expect(messagesOf(prefilled).slice(1)).toEqual([
      { role: 'assistant', content: words(0, 4), prefix: true },
    ])
  })
})

describe('a stream that breaks off is an error, as ever,', () => {
  const tool = { type: 'function', function: { name: 'look', parameters: {} } }
  test.each([
    ['when nobody can go on', 'hopeless', {}, 3],
    ['when no other deployment has the model', 'lonely', {}, 1],
    ['when it was thinking', 'thinking', {}, 1],
    ['when it may call tools', 'cut', { tools: [tool] }, 1],
    ['when it has a form', 'cut', { response_format: { type: 'json_object' } }, 1],
    ['when it is several', 'cut', { n: 2 }, 1],
  ])('%s', async (_, model, more, attempts) => {
    const { chunks, last, text, settled } = await streamed(model, more)
    expect(last).not.toBe('[DONE]')
    expect(chunks.filter(({ error }) => error !== undefined)).toHaveLength(1)
    expect(chunks.at(-1)?.error?.code).toBe('upstream_error')
    expect(words(0, 10)).toContain(text.trim())
    expect(settled).toMatchObject({ outcome: 'cut', amount: '0' })
    expect(settled['attempts']).toHaveLength(attempts)
  })
})

test('a caller who leaves while another one goes on pays for what has come', async () => {
  const leaving = new AbortController()
  const before = upstream.journal.length
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: chat('leaving', { stream: true }),
    signal: leaving.signal,
  })
  await upstream.until((journal) => journal.length > before + 1)
  leaving.abort()
  await response.text().catch(() => 'left')
  const id = response.headers.get('x-request-id') ?? ''
  const settled = await untilSettled(id)
  expect(settled['outcome']).toBe('aborted')
  expect((settled['usage'] as { output: number }).output).toBeGreaterThanOrEqual(4)
  expect(settled['amount']).toBe(settled['cost'])
})

test('a stream that is cancelled while the next deployment is waited for ends politely, and at once', async () => {
  const before = upstream.journal.length
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: chat('between', { stream: true, stream_options: { include_usage: true } }),
  })
  const text = response.text()
  // The third one is behind the same key as the second, which cools for five seconds.
  await untilLogged(gateway.output, 'p3/answer?status=429')
  const id = response.headers.get('x-request-id') ?? ''
  const cancelled = await raw({
    url: gateway.url,
    key,
    path: `/v1/requests/${id}/cancel`,
    body: '',
  })
  expect([cancelled.status, JSON.parse(cancelled.body)]).toMatchObject([200, { cancelled: true }])
  const events = payloads(await text)
  expect(events.at(-1)).toBe('[DONE]')
  const [finish, usage] = events
    .slice(-3)
    .map((one) => (one === '[DONE]' ? {} : JSON.parse(one)) as Chunk)
  expect(finish?.choices).toMatchObject([{ finish_reason: 'stop' }])
  const settled = settledOf(gateway.dir, id)
  const { input, output } = settled['usage'] as { input: number; output: number }
  expect(usage?.usage).toMatchObject({ prompt_tokens: input, completion_tokens: output })
  expect(settled).toMatchObject({
    outcome: 'aborted',
    amount: String(1e6 * (2 * input + 8 * output)),
  })
  expect(upstream.journal).toHaveLength(before + 2)
})

test('operators see how many streams were to go on, and what came of it', async () => {
  const seen = async (): Promise<readonly number[]> => {
    const { sum } = await scrape(gateway.url, gateway.adminKey)
    return Object.entries({ cut: 'went_on', helpless: 'failed', lonely: 'nobody' }).map(
      ([model, result]) => sum('api_gateway_continuations_total', { model, result }),
    )
  }
  const before = await seen()
  for (const model of ['cut', 'helpless', 'lonely']) await streamed(model)
  expect((await seen()).map((count, at) => count - (before[at] ?? 0))).toEqual([1, 1, 1])
})

async function untilSettled(id: string) {
  while (!ofKind(gateway.dir, 'settle').some(({ ref }) => ref === id)) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return settledOf(gateway.dir, id)
}
