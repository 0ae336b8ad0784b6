import { expect, test, vi } from 'vitest'
import { parseChatRequest } from '../../domain/chat-request.ts'
import type { Deployment } from '../../domain/model.ts'
import { priceFrom } from '../../domain/price.ts'
import type { AnswerEnd, ProviderCall } from '../../ports/provider.ts'
import { demoProvider } from './demo-provider.ts'

const price = priceFrom({ input: '1', output: '1' }, { creditsPerUsd: '1', markup: '0' }, 'p_1')
const deployment: Deployment = {
  id: 'demo/demo',
  provider: 'demo',
  keyIndex: 0,
  upstreamModel: 'demo',
  priority: 0,
  weight: 1,
  price,
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1, wholeMs: 1 },
  concurrencyMax: Infinity,
  repair: false,
  capField: 'max_tokens',
  stripFields: [],
}

function callOf(fields: Record<string, unknown> = {}, cap = 1000): ProviderCall {
  const messages = [{ role: 'user', content: 'What is  the\nweather?' }]
  const request = parseChatRequest({ model: 'demo', messages, ...fields })
  return { request, deployment, cap, requestId: 'req_1' }
}

type Heard = { told: string[]; frames: string; ends: AnswerEnd[] }

/** Sends the call and resolves with all that was told, once it has ended. */
function heardOf(call: ProviderCall): Promise<Heard> {
  const heard: Heard = { told: [], frames: '', ends: [] }
  return new Promise((resolve) => {
    demoProvider({ paceMs: 0 }).send(call, {
      accepted: () => heard.told.push('accepted'),
      frames(bytes, isVisible) {
        heard.told.push(isVisible ? 'visible' : 'frames')
        heard.frames += Buffer.from(bytes).toString()
      },
      ended(end) {
        heard.told.push('ended')
        heard.ends.push(end)
        resolve(heard)
      },
    })
    expect(heard.told, 'told while sending').toEqual([])
  })
}

type Choice = {
  index: number
  delta: { role?: string; content?: string | null; tool_calls?: unknown[] }
  finish_reason: string | null
}
type Chunk = { id: string; model: string; choices: Choice[]; usage?: unknown }

const chunksIn = (frames: string): Chunk[] =>
  frames
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => JSON.parse(frame.replace(/^data: /, '')) as Chunk)

const choicesIn = (heard: Heard): Choice[] =>
  chunksIn(heard.frames).flatMap(({ choices }) => choices)

const textIn = (heard: Heard, index = 0): string =>
  choicesIn(heard)
    .filter((choice) => choice.index === index)
    .map(({ delta }) => delta.content ?? '')
    .join('')

type Completion = {
  id: string
  object: string
  created: number
  model: string
  choices: {
    index: number
    message: { role: string; content: string | null; tool_calls?: unknown[] }
    finish_reason: string
  }[]
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }
}

function finishOf({ ends }: Heard): Extract<AnswerEnd, { kind: 'finished' }> {
  const [end] = ends
  if (end?.kind !== 'finished') throw new Error('not finished')
  return end
}

const completionOf = (heard: Heard): Completion =>
  JSON.parse(Buffer.from(finishOf(heard).body ?? []).toString()) as Completion

const wordsOf = (text: string): number => text.split(' ').length

test('an answer in one piece is a chat completion that says what it is and repeats the question', async () => {
  const heard = await heardOf(callOf())
  expect(heard.told).toEqual(['accepted', 'ended'])
  const { id, object, created, model, choices, usage } = completionOf(heard)
  expect({ id, object, model }).toEqual({
    id: 'chatcmpl-req_1',
    object: 'chat.completion',
    model: 'demo',
  })
  expect(Math.abs(created - Date.now() / 1000)).toBeLessThan(5)
  const text = choices[0]?.message.content ?? ''
  expect(text).toContain('demo of Tollgate')
  expect(text).toContain('"What is the weather?"')
  expect(choices[0]).toMatchObject({
    index: 0,
    finish_reason: 'stop',
    message: { role: 'assistant' },
  })
  const words = wordsOf(text)
  expect(usage).toEqual({ prompt_tokens: 4, completion_tokens: words, total_tokens: words + 4 })
  expect(finishOf(heard).usage).toMatchObject({ input: 4, output: words })
  expect(finishOf(heard).usageChunk).toBeUndefined()
})

test('a stream is the role, the same text word by word, and the finish; usage stands apart', async () => {
  const whole = completionOf(await heardOf(callOf()))
  const heard = await heardOf(callOf({ stream: true }))
  expect(textIn(heard)).toBe(whole.choices[0]?.message.content)
  expect(heard.told.slice(0, 3)).toEqual(['accepted', 'frames', 'visible'])
  expect(heard.told.filter((one) => one === 'ended')).toHaveLength(1)
  const choices = choicesIn(heard)
  expect(choices[0]?.delta).toEqual({ role: 'assistant', content: '' })
  expect(choices.map((choice) => choice.finish_reason).filter(Boolean)).toEqual(['stop'])
  expect(choices.at(-1)?.finish_reason).toBe('stop')
  expect(new Set(chunksIn(heard.frames).map(({ id, model }) => `${id} ${model}`)).size).toBe(1)
  const { usageChunk, body } = finishOf(heard)
  expect(usageChunk).toMatchObject({ choices: [], usage: whole.usage })
  expect(body).toBeUndefined()
})

test('chunks carry a null usage when the caller asked to see usage', async () => {
  const plain = await heardOf(callOf({ stream: true }))
  expect(chunksIn(plain.frames).every((chunk) => !('usage' in chunk))).toBe(true)
  const heard = await heardOf(callOf({ stream: true, stream_options: { include_usage: true } }))
  expect(chunksIn(heard.frames).every(({ usage }) => usage === null)).toBe(true)
})

test.each([true, false])('the cap ends the answer with `length` (stream: %s)', async (stream) => {
  const heard = await heardOf(callOf({ stream }, 5))
  expect(finishOf(heard).usage?.output).toBe(5)
  const text = stream ? textIn(heard) : completionOf(heard).choices[0]?.message.content
  expect(text).toBe('This is the built-in demo')
  const finish = stream
    ? choicesIn(heard).at(-1)?.finish_reason
    : completionOf(heard).choices[0]?.finish_reason
  expect(finish).toBe('length')
})

test('several choices are all answered, and all counted', async () => {
  const whole = completionOf(await heardOf(callOf({ n: 2 })))
  const heard = await heardOf(callOf({ n: 2, stream: true }))
  const text = whole.choices[0]?.message.content ?? ''
  expect(whole.choices.map(({ index, message }) => [index, message.content])).toEqual([
    [0, text],
    [1, text],
  ])
  expect([textIn(heard, 0), textIn(heard, 1)]).toEqual([text, text])
  expect(choicesIn(heard).filter((choice) => choice.finish_reason === 'stop')).toHaveLength(2)
  expect(whole.usage.completion_tokens).toBe(2 * wordsOf(text))
  expect(finishOf(heard).usage?.output).toBe(2 * wordsOf(text))
})

const TOOLS = ['first', 'second'].map((name) => ({ type: 'function', function: { name } }))
const second = { type: 'function', function: { name: 'second' } }

test.each([
  ['required', 'first'],
  [second, 'second'],
])('a tool that must be called is called (%j)', async (tool_choice, name) => {
  const fields = { tools: TOOLS, tool_choice }
  const called = { id: 'call_req_1_0', type: 'function', function: { name, arguments: '{}' } }
  const whole = completionOf(await heardOf(callOf(fields)))
  expect(whole.choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: { content: null, tool_calls: [called] },
  })
  expect(whole.usage.completion_tokens).toBe(1)

  const choices = choicesIn(await heardOf(callOf({ ...fields, stream: true })))
  expect(choices.flatMap(({ delta }) => delta.tool_calls ?? [])).toEqual([
    { ...called, index: 0, function: { name, arguments: '' } },
    { index: 0, function: { arguments: '{}' } },
  ])
  expect(choices.at(-1)?.finish_reason).toBe('tool_calls')
})

test.each(['auto', 'none', { type: 'function', function: { name: 'unknown' } }])(
  'tools that need not or cannot be called are answered in words (%j)',
  async (tool_choice) => {
    const heard = await heardOf(callOf({ tools: TOOLS, tool_choice }))
    expect(completionOf(heard).choices[0]?.finish_reason).toBe('stop')
  },
)

test('a long question is repeated in part, one in parts as text, and none is no trouble', async () => {
  const said = async (content: unknown): Promise<string | null | undefined> => {
    const heard = await heardOf(callOf({ messages: [{ role: 'user', content }] }))
    return completionOf(heard).choices[0]?.message.content
  }
  expect(await said('👋'.repeat(1000))).toContain(`"${'👋'.repeat(80)}…"`)
  expect(await said([{ type: 'text', text: 'in parts' }])).toContain('"in parts"')
  expect(await said(null)).toContain('You wrote nothing')
})

test('closing waits for open answers, and they come to their end', async () => {
  const provider = demoProvider({ paceMs: 1 })
  const ends: AnswerEnd[] = []
  const listener = { accepted: () => undefined, frames: () => undefined }
  provider.send(callOf({ stream: true }), { ...listener, ended: (end) => void ends.push(end) })
  const cancelled = provider.send(callOf({ stream: true }), { ...listener, ended: vi.fn() })
  cancelled.cancel()
  await provider.close()
  expect(ends).toMatchObject([{ kind: 'finished' }])
  await provider.close()
})
