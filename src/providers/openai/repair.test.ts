import { describe, expect, test } from 'vitest'
import { newRepair, repairedChunk } from './repair.ts'
import { StreamScanner } from './stream-scanner.ts'

type Delta = Readonly<Record<string, unknown>>
const bent = (delta: Delta, reason: string | null = null, more: object = {}) => ({
  id: 'x',
  model: 'up',
  choices: [{ index: 0, delta, finish_reason: reason }],
  ...more,
})

/** The choices that come out of the chunks. */
function repaired(...chunks: Record<string, unknown>[]) {
  const repair = newRepair('public', 'chatcmpl-1')
  return chunks.map((chunk) => repairedChunk(chunk, repair)) as Record<string, unknown>[]
}

const choiceOf = (chunk: Record<string, unknown> | undefined) =>
  (chunk?.['choices'] as { index: number; delta: Delta; finish_reason: string | null }[])[0]

const callsIn = (...chunks: Record<string, unknown>[]) =>
  repaired(...chunks).map((chunk) => choiceOf(chunk)?.delta['tool_calls'])

describe('a bent stream', () => {
  test('gets one id, one time, one kind and the public model name in all chunks', () => {
    const out = repaired(bent({ content: 'a' }, null, { created: 5 }), {
      choices: [{ delta: { content: 'b' } }],
      id: 'y',
      created: 6,
    })
    for (const chunk of out) {
      const head = {
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 5,
        model: 'public',
      }
      expect(chunk).toMatchObject(head)
    }
    expect(choiceOf(out[1])).toMatchObject({ index: 0, finish_reason: null })
  })

  test('greets each choice with a role and content, once', () => {
    const choices = [
      { index: 0, delta: {} },
      { index: 1, delta: { content: 'b' } },
    ]
    const [first, second] = repaired({ choices }, bent({ content: 'c' }))
    expect(first?.['choices']).toMatchObject([
      { index: 0, delta: { role: 'assistant', content: '' } },
      { index: 1, delta: { role: 'assistant', content: 'b' } },
    ])
    expect(choiceOf(second)?.delta).toEqual({ content: 'c' })
  })

  test('keeps fields that nobody here knows, and loses its usage', () => {
    const [chunk] = repaired(bent({ content: 'a' }, null, { usage: {}, system_fingerprint: 'fp' }))
    expect(chunk).toMatchObject({ system_fingerprint: 'fp' })
    expect(chunk).not.toHaveProperty('usage')
  })
})

describe('bent tool calls', () => {
  const head = { id: 'call_a', type: 'function', function: { name: 'f', arguments: '' } }

  test('without an index get one, and keep it for their arguments', () => {
    const calls = callsIn(
      bent({ tool_calls: [head] }),
      bent({ tool_calls: [{ function: { arguments: '{"a"' } }] }),
      bent({ tool_calls: [{ id: 'call_b', function: { name: 'g', arguments: '{}' } }] }),
      bent({ tool_calls: [{ id: 'call_a', function: { arguments: ':1}' } }] }),
    )
    expect(calls).toEqual([
      [{ index: 0, ...head }],
      [{ index: 0, function: { arguments: '{"a"' } }],
      [{ index: 1, id: 'call_b', type: 'function', function: { name: 'g', arguments: '{}' } }],
      [{ index: 0, function: { arguments: ':1}' } }],
    ])
  })

  test('without an id get one of their own each', () => {
    const call = { function: { name: 'f', arguments: { city: 'Rome' } } }
    const [calls] = callsIn(bent({ tool_calls: [call, call] }))
    expect(calls).toMatchObject([
      { index: 0, id: 'call_chatcmpl-1_0_0', function: { arguments: '{"city":"Rome"}' } },
      { index: 1, id: 'call_chatcmpl-1_0_1' },
    ])
  })

  test('that repeat their head show it once', () => {
    const again = { index: 0, ...head, function: { name: 'f', arguments: 'x' } }
    expect(
      callsIn(bent({ tool_calls: [{ index: 0, ...head }] }), bent({ tool_calls: [again] }))[1],
    ).toEqual([{ index: 0, function: { arguments: 'x' } }])
  })

  test('finish with tool_calls, where text finishes with stop', () => {
    const [, called] = repaired(bent({ tool_calls: [head] }), bent({}, 'stop'))
    expect(choiceOf(called)?.finish_reason).toBe('tool_calls')
    expect(choiceOf(repaired(bent({ content: 'a' }, 'stop'))[0])?.finish_reason).toBe('stop')
    const [, long] = repaired(bent({ tool_calls: [head] }), bent({}, 'length'))
    expect(choiceOf(long)?.finish_reason).toBe('length')
  })

  test('first content is null, as OpenAI has it', () => {
    expect(choiceOf(repaired(bent({ tool_calls: [head] }))[0])?.delta).toMatchObject({
      role: 'assistant',
      content: null,
    })
  })
})

test('a scanner that repairs rewrites each chunk, also after the first token, and the usage chunk', () => {
  const scanner = new StreamScanner(newRepair('public', 'chatcmpl-1'))
  const out = [
    bent({ content: 'a' }),
    bent({ content: 'b' }),
    bent({}, 'stop', {
      usage: { prompt_tokens: 1, completion_tokens: 2, cost: 1, cost_details: {} },
    }),
  ].map((chunk) => scanner.push(Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`)))
  const text = Buffer.concat(out.map((part) => part ?? new Uint8Array())).toString()
  expect(text.match(/"model":"public"/g)).toHaveLength(3)
  expect(text).not.toContain('"up"')
  expect(scanner.usageChunk).toMatchObject({ model: 'public', choices: [] })
  expect(scanner.usageChunk?.['usage']).toEqual({ prompt_tokens: 1, completion_tokens: 2 })
})
