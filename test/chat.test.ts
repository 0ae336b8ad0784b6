import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { textOf } from './fault-provider/answer.ts'
import { costOf, MESSAGES, openHouse, type Client, type House } from './support/house.ts'

let house: House
let client: Client

beforeAll(async () => {
  house = await openHouse({
    words: ['answer?chunks=5'],
    tools: ['answer?tools&chunks=3'],
    thinker: ['answer?reasoning&chunks=6'],
    refused: ['answer?status=400&message=bad+tool+schema'],
    crlf: ['answer?crlf&chunks=4'],
    drip: ['answer?drip&chunks=3'],
    'vendor/words': ['answer'],
    silent: ['answer?chunks=0&finish=content_filter'],
    unsaid: ['answer?chunks=5&usage=none'],
  })
  client = await house.client()
})
afterAll(() => house.close())

const lastEntry = () => house.upstream.journal.at(-1)

describe('an unmodified OpenAI client', () => {
  test('gets a whole answer, and pays what the provider counted', async () => {
    const before = Number(await client.balance())
    const { data, response, request_id } = await client.openai.chat.completions
      .create({ model: 'words', messages: MESSAGES })
      .withResponse()
    expect(data.choices[0]?.message.content).toBe(textOf(5))
    const paid = costOf(lastEntry()?.usage ?? { prompt: 0, completion: 0 })
    expect(before - Number(await client.balance())).toBe(paid)
    expect(response.headers.get('x-tollgate-cost')).toBe(String(paid))
    expect(response.headers.get('x-tollgate-balance')).toBe(await client.balance())
    expect(response.headers.get('x-tollgate-provider')).toBe('fake')
    expect(response.headers.get('x-tollgate-attempts')).toBe('1')
    expect(request_id).toMatch(/^req_/)
  })

  test('gets a stream, with the usage and its cost when it asked for them', async () => {
    const stream = await client.openai.chat.completions.create({
      ...{ model: 'words', messages: MESSAGES, stream: true },
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(textOf(5))
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    const last = chunks.at(-1)
    expect(last?.choices).toEqual([])
    const entry = lastEntry()
    expect(last?.usage).toMatchObject({
      prompt_tokens: entry?.usage.prompt,
      completion_tokens: 5,
      cost: costOf(entry?.usage ?? { prompt: 0, completion: 0 }),
    })
  })

  test.each([undefined, { include_usage: false }])(
    'is shown no usage unless it asked, though the provider is always asked (%o)',
    async (options) => {
      const before = Number(await client.balance())
      const stream = await client.openai.chat.completions.create({
        ...{ model: 'words', messages: MESSAGES, stream: true },
        ...(options !== undefined && { stream_options: options }),
      })
      for await (const chunk of stream) expect(chunk.usage ?? null).toBeNull()
      const entry = lastEntry()
      expect(entry?.body['stream_options']).toEqual({ include_usage: true })
      expect(before - Number(await client.balance())).toBe(
        costOf(entry?.usage ?? { prompt: 0, completion: 0 }),
      )
    },
  )

  test('gets tool calls, streamed and not', async () => {
    const whole = await client.openai.chat.completions.create({
      model: 'tools',
      messages: MESSAGES,
    })
    expect(whole.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      id: 'call_1',
      function: { name: 'look' },
    })
    const runner = client.openai.chat.completions.stream({ model: 'tools', messages: MESSAGES })
    const final = await runner.finalChatCompletion()
    expect(final.choices[0]?.finish_reason).toBe('tool_calls')
    const call = final.choices[0]?.message.tool_calls?.[0]
    expect(call?.type === 'function' && call.function.arguments).toBe('{"at":"sky"}')
  })

  test.each(['crlf', 'drip', 'thinker'])(
    'gets a stream that came in an odd shape (%s)',
    async (model) => {
      const stream = await client.openai.chat.completions.create({
        model,
        messages: MESSAGES,
        stream: true,
      })
      let finish: string | null | undefined
      for await (const chunk of stream) finish = chunk.choices[0]?.finish_reason ?? finish
      expect(finish).toBe('stop')
    },
  )

  test('gets the finish of an answer that has no words', async () => {
    const stream = await client.openai.chat.completions.create({
      ...{ model: 'silent', messages: MESSAGES, stream: true },
    })
    const reasons = []
    for await (const chunk of stream) reasons.push(chunk.choices[0]?.finish_reason ?? null)
    expect(reasons).toEqual([null, 'content_filter'])
  })

  test('that asked for usage is told what was counted where the provider tells nothing', async () => {
    const before = Number(await client.balance())
    const stream = await client.openai.chat.completions.create({
      ...{ model: 'unsaid', messages: MESSAGES, stream: true },
      stream_options: { include_usage: true },
    })
    let last: OpenAI.ChatCompletionChunk | undefined
    for await (const chunk of stream) last = chunk
    const paid = before - Number(await client.balance())
    expect(last?.usage).toMatchObject({ cost: paid })
    expect(paid).toBe(
      costOf({
        prompt: last?.usage?.prompt_tokens ?? 0,
        completion: last?.usage?.completion_tokens ?? 0,
      }),
    )
  })

  test('passes on the fields that the gateway does not know', async () => {
    await client.openai.chat.completions.create({
      ...{
        model: 'words',
        messages: MESSAGES,
        top_p: 0.9,
        temperature: 0.5,
        prompt_cache_key: 'k',
      },
      ...{ some_new_field: { deep: [1] } },
    } as OpenAI.ChatCompletionCreateParamsNonStreaming)
    expect(lastEntry()?.body).toMatchObject({
      top_p: 0.9,
      temperature: 0.5,
      prompt_cache_key: 'k',
      some_new_field: { deep: [1] },
    })
    expect(lastEntry()?.body['model']).toBe('answer?chunks=5')
    expect(lastEntry()?.authorization).toBe('Bearer upstream-secret-1')
  })

  test.each([
    [{ max_tokens: 33 }, 33],
    [{ max_completion_tokens: 44 }, 44],
    [{ max_tokens: 50, max_completion_tokens: 20 }, 20],
    [{}, 100],
  ])('has its output cap sent upstream: %o → %i', async (caps, sent) => {
    await client.openai.chat.completions.create({ model: 'words', messages: MESSAGES, ...caps })
    const body = lastEntry()?.body ?? {}
    expect(body['max_tokens'] ?? body['max_completion_tokens']).toBe(sent)
  })

  test('lists its models and finds one, also with a slash in its name', async () => {
    const ids = (await client.openai.models.list()).data.map(({ id }) => id)
    expect(ids).toContain('vendor/words')
    expect(await client.openai.models.retrieve('vendor/words')).toMatchObject({
      id: 'vendor/words',
      object: 'model',
    })
    await expect(client.openai.models.retrieve('nope')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
  })

  test('is refused in the shape that its SDK reads', async () => {
    const wrongKey = new OpenAI({
      apiKey: 'tg-wrong',
      baseURL: `${house.gateway.url}/v1`,
      maxRetries: 0,
    })
    await expect(
      wrongKey.chat.completions.create({ model: 'words', messages: MESSAGES }),
    ).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
    await expect(
      client.openai.chat.completions.create({ model: 'nope', messages: MESSAGES }),
    ).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      type: 'invalid_request_error',
    })
    await expect(
      client.openai.chat.completions.create({ model: 'words', messages: [] }),
    ).rejects.toMatchObject({ status: 400, param: 'messages' })
  })

  test('hears a provider’s refusal of its own request, once and for nothing', async () => {
    const before = await client.balance()
    const calls = house.upstream.journal.length
    const patient = new OpenAI({ apiKey: client.key, baseURL: `${house.gateway.url}/v1` })
    await expect(
      patient.chat.completions.create({ model: 'refused', messages: MESSAGES }),
    ).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('bad tool schema') as string,
    })
    expect(house.upstream.journal.length).toBe(calls + 1)
    expect(await client.balance()).toBe(before)
  })

  test.each(['/v1/v1', '/openai/v1', '', '/v1/'])(
    'may have its base address written as %s',
    async (base) => {
      const openai = new OpenAI({
        apiKey: client.key,
        baseURL: `${house.gateway.url}${base}`,
        maxRetries: 0,
      })
      const answer = await openai.chat.completions.create({ model: 'words', messages: MESSAGES })
      expect(answer.choices[0]?.finish_reason).toBe('stop')
    },
  )
})
