import { LLMock, type ChaosConfig } from '@copilotkit/aimock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { clientOf, configFor, costOf, MESSAGES, type Client } from './support/house.ts'
import { ofKind } from './support/journal.ts'

const TEXT = 'The quick brown fox jumps over the lazy dog, and nobody minds it at all.'
const USAGE = { prompt_tokens: 41, completion_tokens: 17, total_tokens: 58 }
const PAID = costOf({ prompt: 41, completion: 17 })
const FAULTS = {
  drop: { dropRate: 1 },
  malformed: { malformedRate: 1 },
  limited: { rateLimitRate: 1 },
  disconnect: { disconnectRate: 1 },
} as const satisfies Record<string, ChaosConfig>

/** A provider that others wrote: what it counts and how it fails is not what this house expects of itself. */
const mock = new LLMock({ port: 0 })
let gateway: GatewayProcess
let client: Client

beforeAll(async () => {
  const answer = { content: TEXT, usage: USAGE }
  const slowly = { chunkSize: 5, latency: 20 }
  mock.on({ model: /^up-whole$/ }, answer, { chunkSize: 5 })
  mock.on({ model: /^up-truncated$/ }, answer, { ...slowly, truncateAfterChunks: 8 })
  mock.on({ model: /^up-disconnected$/ }, answer, { ...slowly, disconnectAfterMs: 150 })
  mock.on({ model: /^up-mute$/ }, answer, { ...slowly, truncateAfterChunks: 1 })
  for (const [name, chaos] of Object.entries(FAULTS)) {
    mock.on({ model: new RegExp(`^up-${name}$`) }, answer, { chaos })
  }
  mock.on({ model: /^up-busy$/ }, { error: { message: 'busy' }, status: 429, retryAfter: 7 })
  const fallbacks = [...Object.keys(FAULTS), 'mute'].map((name) => [
    name,
    [`up-${name}`, 'up-whole'],
  ])
  await mock.start()
  const config = configFor(`${mock.url}/v1`, {
    whole: ['up-whole'],
    truncated: ['up-truncated'],
    disconnected: ['up-disconnected'],
    busy: ['up-busy'],
    ...(Object.fromEntries(fallbacks) as Record<string, string[]>),
  })
  gateway = await startGateway({ config })
  const { key } = await gateway.user('tester', '1000000')
  client = clientOf(gateway.url, 'tester', key)
})
afterAll(async () => {
  await gateway.close()
  await mock.stop()
})

const creating = (model: string) =>
  client.openai.chat.completions.create({ model, messages: MESSAGES }).withResponse()

async function streaming(model: string) {
  const texts: string[] = []
  const stream = await client.openai.chat.completions.create({
    ...{ model, messages: MESSAGES, stream: true },
    stream_options: { include_usage: true },
  })
  let usage: unknown
  let error: unknown
  try {
    for await (const chunk of stream) {
      texts.push(chunk.choices[0]?.delta.content ?? '')
      usage = chunk.usage ?? usage
    }
  } catch (thrown) {
    error = thrown
  }
  return { text: texts.join(''), usage, error }
}

async function paidFor<T>(work: () => Promise<T>): Promise<{ result: T; paid: number }> {
  const before = Number(await client.balance())
  const result = await work()
  const paid = before - Number(await client.balance())
  expect(await client.held()).toBe('0')
  return { result, paid }
}

/** The models that the provider was called for since, with the statuses of its answers. */
const callsSince = (count: number) =>
  mock
    .getRequests()
    .slice(count)
    .map(({ body, response }) => ({
      model: body !== null && 'model' in body ? body.model : undefined,
      status: response.status,
    }))

describe('an answer', () => {
  test('costs what the provider counted times the price', async () => {
    const { result, paid } = await paidFor(() => creating('whole'))
    expect(result.data.choices[0]?.message.content).toBe(TEXT)
    expect(result.data.usage).toMatchObject(USAGE)
    expect(result.response.headers.get('x-tollgate-cost')).toBe(String(PAID))
    expect(paid).toBe(PAID)
  })

  test('in a stream costs the same, and says so in its usage', async () => {
    const { result, paid } = await paidFor(() => streaming('whole'))
    expect(result).toEqual({
      text: TEXT,
      usage: expect.objectContaining({ ...USAGE, cost: PAID }) as unknown,
      error: undefined,
    })
    expect(paid).toBe(PAID)
  })
})

test.each(['truncated', 'disconnected'])(
  'a stream that the provider breaks off is told as an error and costs nothing (%s)',
  async (model) => {
    const { result, paid } = await paidFor(() => streaming(model))
    expect(result.text.length).toBeGreaterThan(0)
    expect(TEXT.startsWith(result.text) && result.text !== TEXT).toBe(true)
    expect(result.error).toMatchObject({ code: 'upstream_error', type: 'api_error' })
    expect({ paid, usage: result.usage }).toEqual({ paid: 0, usage: undefined })
    expect(ofKind(gateway.dir, 'settle').at(-1)).toMatchObject({ outcome: 'cut', amount: '0' })
  },
)

describe('a provider that fails before its first token', () => {
  test.each(Object.keys(FAULTS))('is followed by the next deployment (%s)', async (model) => {
    const before = mock.getRequests().length
    const { result, paid } = await paidFor(() => creating(model))
    expect(result.data.choices[0]?.message.content).toBe(TEXT)
    expect(result.response.headers.get('x-tollgate-attempts')).toBe('2')
    expect(callsSince(before).map((call) => call.model)).toEqual([`up-${model}`, 'up-whole'])
    expect(paid).toBe(PAID)
  })

  test.each([...Object.keys(FAULTS), 'mute'])(
    'is followed by it in a stream too (%s)',
    async (model) => {
      const before = mock.getRequests().length
      const { result, paid } = await paidFor(() => streaming(model))
      expect(result).toMatchObject({ text: TEXT, error: undefined })
      expect(callsSince(before).map((call) => call.model)).toEqual([`up-${model}`, 'up-whole'])
      expect(paid).toBe(PAID)
    },
  )

  test('and has no other behind it says when to come back, for nothing', async () => {
    const before = mock.getRequests().length
    const { paid } = await paidFor(async () => {
      const error: unknown = await creating('busy').catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ status: 503, code: 'upstream_unavailable' })
      const { headers } = error as { headers: Headers }
      expect(headers.get('retry-after')).toBe('7')
      expect(headers.get('x-should-retry')).toBe('true')
    })
    expect(callsSince(before)).toEqual([{ model: 'up-busy', status: 429 }])
    expect(paid).toBe(0)
  })
})
