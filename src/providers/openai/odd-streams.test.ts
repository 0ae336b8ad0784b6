import { describe, expect, test } from 'vitest'
import { StreamScanner } from './stream-scanner.ts'

const delta = (content: unknown, more: object = {}): object => ({
  choices: [{ index: 0, delta: { content }, finish_reason: null, ...more }],
})
const event = (chunk: unknown): string =>
  `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`

/** Each text is one read from the network; the first token has come before. */
function afterFirstToken(...reads: readonly string[]) {
  const scanner = new StreamScanner(undefined)
  scanner.push(Buffer.from(event(delta('first'))))
  const out = reads.map((read) => Buffer.from(scanner.push(Buffer.from(read)) ?? []).toString())
  return { scanner, out }
}

describe('in one read', () => {
  test.each([
    ['an error', event({ error: { message: 'x' } })],
    ['[DONE]', event('[DONE]')],
    ['a bad line', 'what is this\n\n'],
  ])('nothing that stands behind %s reaches the caller', (_what, end) => {
    const { out } = afterFirstToken(end + event(delta('behind')))
    expect(out).toEqual([''])
  })

  test('a chunk without choices or usage is dropped, and its neighbours pass', () => {
    const { out } = afterFirstToken(event(delta('a')) + event({ choices: [] }) + event(delta('b')))
    expect(out).toEqual([event(delta('a')) + event(delta('b'))])
  })
})

test('an empty finish reason is no finish', () => {
  const { scanner } = afterFirstToken(event(delta('a', { finish_reason: '' })))
  expect(scanner.hasFinish).toBe(false)
})

test.each([
  ['{"choices" : [{"delta" : {},"finish_reason" : "stop"}]}', 'hasFinish'],
  ['{"choices" : [],"usage" : {"prompt_tokens":1,"completion_tokens":1}}', 'usage'],
  ['{"error" : {"message":"x"}}', 'fault'],
] as const)('spaces before the colon hide nothing: %s', (chunk, what) => {
  const { scanner } = afterFirstToken(event(chunk))
  expect(scanner[what]).toBeTruthy()
})

test.each([
  'data: \n\n',
  'data:\n\n',
  'data\n\n',
  'data:\ndata: \n\n',
  'event: ping\ndata: \r\n\r\n',
])('an event without data (%j) is nothing, wherever it stands', (empty) => {
  const scanner = new StreamScanner(undefined)
  scanner.push(Buffer.from(empty + event(delta('a'))))
  const out = [empty, empty + event(delta('b')), event(delta('c')) + empty + event(delta('d'))]
  const shown = out.map((read) => Buffer.from(scanner.push(Buffer.from(read)) ?? []).toString())
  expect(shown).toEqual(['', event(delta('b')), event(delta('c')) + event(delta('d'))])
  expect(scanner).toMatchObject({ isVisible: true, fault: undefined })
})

test('data over several lines goes on as one line', () => {
  const text = JSON.stringify(delta('a'), null, 1).replaceAll('\n', '\ndata: ')
  const { out } = afterFirstToken(`data: ${text}\n\n`)
  expect(out).toEqual([event(delta('a'))])
})

test('a byte order mark before the first event is not an error', () => {
  const scanner = new StreamScanner(undefined)
  scanner.push(Buffer.from(`\uFEFF${event(delta('a'))}`))
  expect(scanner).toMatchObject({ fault: undefined, isVisible: true })
})

test.each([[[{ type: 'thinking', thinking: [] }]], ['text']])(
  'content %j is a visible token',
  (content) => {
    const scanner = new StreamScanner(undefined)
    scanner.push(Buffer.from(event(delta(content))))
    expect(scanner.isVisible).toBe(true)
  },
)

test('an event that never ends is a fault before it fills the memory', () => {
  const scanner = new StreamScanner(undefined)
  const line = `data: ${'x'.repeat(64 * 1024)}\n`
  for (let lines = 0; lines < 80; lines++) scanner.push(Buffer.from(line))
  expect(scanner.fault?.kind).toBe('broken')
})
