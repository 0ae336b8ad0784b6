import { describe, expect, test } from 'vitest'
import { StreamScanner } from './stream-scanner.ts'

const chunk = (delta: unknown, more: object = {}) =>
  `data: ${JSON.stringify({ id: 'c1', choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`

function after(...lines: string[]): StreamScanner {
  const scanner = new StreamScanner(undefined)
  for (const line of lines) scanner.push(Buffer.from(line))
  return scanner
}

describe('the first visible token', () => {
  test.each<[string, unknown]>([
    ['the role alone', { role: 'assistant' }],
    ['the role with empty content', { role: 'assistant', content: '' }],
    ['null content', { content: null }],
    ['no delta', undefined],
    ['an empty list of tool calls', { tool_calls: [] }],
    ['null for a function call', { function_call: null, refusal: null, audio: null }],
    ['empty reasoning', { reasoning_content: '', reasoning: '' }],
  ])('is not %s', (_what, delta) => {
    expect(after(chunk(delta)).isVisible).toBe(false)
  })

  test.each<[string, unknown]>([
    ['text', { content: 'a' }],
    ['a space', { content: ' ' }],
    ['reasoning', { content: null, reasoning_content: 'hm' }],
    ['reasoning as OpenRouter names it', { content: '', reasoning: 'hm' }],
    ['a refusal', { refusal: 'I' }],
    ['a tool call', { tool_calls: [{ index: 0, function: { name: 'f', arguments: '' } }] }],
    ['a function call of old', { function_call: { name: 'f' } }],
    ['audio', { audio: { id: 'a' } }],
  ])('is %s', (_what, delta) => {
    expect(after(chunk({ role: 'assistant', content: '' }), chunk(delta)).isVisible).toBe(true)
  })

  test('in any choice counts', () => {
    const choices = [0, 1].map((index) => ({ index, delta: { content: index === 1 ? 'b' : '' } }))
    expect(after(`data: ${JSON.stringify({ choices })}\n\n`).isVisible).toBe(true)
  })

  test('is not a keep-alive comment', () => {
    expect(after(': OPENROUTER PROCESSING\n\n', ':\n\n')).toMatchObject({
      isVisible: false,
      fault: undefined,
    })
  })
})

describe('trouble in a stream', () => {
  const started = chunk({ content: 'Hi' })

  test('an error chunk is a fault, before and after the first token', () => {
    const error = 'data: {"error":{"message":"Overloaded","code":503}}\n\n'
    for (const before of [[], [started], [started, started]]) {
      const scanner = after(...before, error)
      expect(scanner.fault).toMatchObject({ kind: 'server', status: 503 })
    }
  })

  test('an error beside choices is a fault, and its chunk is not shown', () => {
    const scanner = after(started)
    const bytes = Buffer.from(chunk({ content: 'x' }, { error: { code: 429, message: 'slow' } }))
    expect(scanner.push(bytes)).toBeUndefined()
    expect(scanner.fault).toMatchObject({ kind: 'rate_limited' })
  })

  test('an error with spaces as json.dumps writes them is a fault', () => {
    expect(after(started, 'data: {"error": {"message": "x"}}\n\n').fault?.kind).toBe('server')
  })

  test('error: null is no fault', () => {
    expect(after(started, chunk({ content: 'a' }, { error: null })).fault).toBeUndefined()
    expect(after(chunk({ content: 'a' }, { error: null }), started).fault).toBeUndefined()
  })

  test.each(['{"choices":', 'oops', '"text"', '[1]', 'null', '<html>', '{"choices":[]}x'])(
    'a chunk that is %s is a broken answer',
    (payload) => {
      expect(after(`data: ${payload}\n\n`).fault?.kind).toBe('broken')
      const scanner = after(started)
      expect(scanner.push(Buffer.from(`data: ${payload}\n\n`))).toBeUndefined()
      expect(scanner.fault?.kind).toBe('broken')
    },
  )

  test.each(['<!DOCTYPE html>\n', '{"error":{"message":"no"}}\n', 'HTTP/1.1 200 OK\r\n'])(
    'a line that is no server-sent event is a broken answer: %j',
    (line) => {
      expect(after(line).fault?.kind).toBe('broken')
      expect(after(started, line).fault?.kind).toBe('broken')
    },
  )

  test('nothing after a fault is taken for the answer', () => {
    const scanner = after('data: oops\n\n')
    const rest = chunk({ content: 'a' }).replace('null}]', '"stop"}]')
    expect(scanner.push(Buffer.from(rest))).toBeUndefined()
    expect(scanner).toMatchObject({ isVisible: false, hasFinish: false })
  })
})
