import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SseFrames } from './sse-frames.ts'

type Seen = Readonly<{ payloads: string[]; bad: string[]; plain: string[] }>

/** What comes out of the pieces; `isPlain` says what may pass unread. */
function seenIn(
  pieces: readonly (string | Uint8Array)[],
  isPlain: (payload: string) => boolean = () => false,
): Seen {
  const seen: Seen = { payloads: [], bad: [], plain: [] }
  const frames = new SseFrames()
  for (const piece of pieces) {
    frames.push(Buffer.from(piece), {
      isPlain: (text, from, to) => isPlain(Buffer.from(text.slice(from, to), 'latin1').toString()),
      plain: (bytes) => seen.plain.push(Buffer.from(bytes).toString()),
      payload: (data) => seen.payloads.push(data),
      bad: (why) => seen.bad.push(why),
    })
  }
  return seen
}

const each = (text: string): Uint8Array[] => [...Buffer.from(text)].map((byte) => Buffer.of(byte))

describe('events', () => {
  test.each<[string, string, string[]]>([
    ['one line of data', 'data: a\n\n', ['a']],
    ['no space behind the colon', 'data:a\n\n', ['a']],
    ['only the first space is dropped', 'data:  a\n\n', [' a']],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['data over two lines', 'data: {\ndata: }\n\n', ['{\n}']],
    ['event, id and retry', 'event: x\nid: 1\nretry: 5\ndata: a\n\n', ['a']],
    ['comments between', ': hi\n\n:\n\ndata: a\n: mid\n\n', ['a']],
    ['blank lines too many', '\n\n\ndata: a\n\n\n\n', ['a']],
    ['an end that is missing', 'data: a\n\ndata: b\n', ['a']],
  ])('%s', (_what, text, payloads) => {
    expect(seenIn([text])).toEqual({ payloads, bad: [], plain: [] })
    expect(seenIn(each(text))).toEqual({ payloads, bad: [], plain: [] })
  })

  test('what is no server-sent event is told', () => {
    expect(seenIn(['{"error":1}\n']).bad).toHaveLength(1)
    expect(seenIn(['database: x\n']).bad).toHaveLength(1)
  })

  test('a line beyond 4 MiB is refused instead of kept', () => {
    const piece = 'x'.repeat(1024 * 1024)
    expect(seenIn(['data: ', piece, piece, piece]).bad).toEqual([])
    expect(seenIn(['data: ', piece, piece, piece, piece]).bad).toHaveLength(1)
  })
})

describe('plain frames', () => {
  test('runs of them go on as one slice of what came in', () => {
    const text = 'data: {1}\n\ndata: {2}\n\ndata: [DONE]\n\ndata: {3}\n\n'
    const seen = seenIn([text], (payload) => payload.startsWith('{'))
    expect(seen.plain).toEqual(['data: {1}\n\ndata: {2}\n\n', 'data: {3}\n\n'])
    expect(seen.payloads).toEqual(['[DONE]'])
  })

  test('a line of data without its blank line is not one', () => {
    const seen = seenIn(['data: {1}\ndata: {2}\n\n'], () => true)
    expect(seen).toEqual({ plain: [], payloads: ['{1}\n{2}'], bad: [] })
  })
})

test('as large an event as there may be is whole though it comes in thousands of pieces', () => {
  const data = 'x'.repeat(4 * 1024 * 1024 - 'data: '.length)
  const pieces = `data: ${data}\n\n`.match(/.{1,256}|\n/g) ?? []
  const seen = seenIn(pieces)
  expect(seen.payloads.map((payload) => payload === data)).toEqual([true])
  expect(seen.bad).toEqual([])
})

test('payloads are the same however the bytes are cut, in the middle of characters too', () => {
  const payload = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((text) => !/[\r\n]/.test(text))
  const stream = fc.record({
    payloads: fc.array(payload, { minLength: 1, maxLength: 5 }),
    end: fc.constantFrom('\n', '\r\n'),
    places: fc.array(fc.nat({ max: 300 })),
    isPlain: fc.boolean(),
  })
  fc.assert(
    fc.property(stream, ({ payloads, end, places, isPlain }) => {
      const bytes = Buffer.from(payloads.map((text) => `data: ${text}${end}${end}`).join(''))
      const ends = [...places.toSorted((a, b) => a - b), bytes.length]
      const pieces = ends.map((to, index) => bytes.subarray(ends[index - 1] ?? 0, to))
      const order: string[] = []
      const frames = new SseFrames()
      for (const piece of pieces) {
        frames.push(piece, {
          isPlain: () => isPlain,
          plain: (run) =>
            order.push(...Buffer.from(run).toString().slice(6, -2).split('\n\ndata: ')),
          payload: (data) => order.push(data),
          bad: (why) => order.push(why),
        })
      }
      expect(order).toEqual(payloads)
    }),
  )
})
