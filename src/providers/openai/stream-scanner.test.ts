import fs from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StreamScanner } from './stream-scanner.ts'

const FIXTURES = ['openai', 'deepseek', 'vllm', 'azure', 'mistral', 'openrouter', 'spaced'] as const
type Fixture = (typeof FIXTURES)[number]

const recorded = (name: Fixture): string =>
  fs.readFileSync(new URL(`fixtures/${name}.sse`, import.meta.url), 'utf8')

/** All pieces come in the same memory, one after the other. */
const MEMORY = Buffer.alloc(64 * 1024)

function scan(pieces: readonly Uint8Array[]) {
  const scanner = new StreamScanner(undefined)
  const out = pieces.map((piece) => {
    MEMORY.fill('x')
    MEMORY.set(piece)
    return Buffer.from(scanner.push(MEMORY.subarray(0, piece.byteLength)) ?? [])
  })
  const { isVisible, hasFinish, isDone, usage, serviceTier, usageChunk, fault } = scanner
  const state = { isVisible, hasFinish, isDone, usage, serviceTier, usageChunk, fault }
  return { out: Buffer.concat(out).toString(), ...state }
}

const whole = (text: string) => scan([Buffer.from(text)])
const bytewise = (text: string) => scan([...Buffer.from(text)].map((byte) => Buffer.of(byte)))
const framewise = (text: string) => scan(text.split(/(?<=\n\n)/).map((part) => Buffer.from(part)))

/** The bytes of a stream, cut at random places. */
const cuts = (length: number) => fc.uniqueArray(fc.nat({ max: length }), { maxLength: 12 })

function cut(text: string, places: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text)
  const ends = [...places.toSorted((a, b) => a - b), bytes.length]
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}

const framesOf = (text: string) => text.split('\n\n').filter((frame) => frame !== '')
const without = (text: string, ...places: number[]) =>
  framesOf(text)
    .filter((frame, index) => !frame.startsWith(':') && !places.includes(index))
    .map((frame) => `${frame}\n\n`)
    .join('')

describe.each(FIXTURES)('a recorded stream of %s', (name) => {
  const text = recorded(name)

  test('comes out the same however the network cuts it', () => {
    const expected = whole(text)
    expect(expected).toMatchObject({ isVisible: true, hasFinish: true, isDone: true })
    expect(expected.usage).toBeDefined()
    expect(bytewise(text)).toEqual(expected)
    expect(framewise(text)).toEqual(expected)
    fc.assert(
      fc.property(cuts(Buffer.byteLength(text)), (places) => {
        expect(scan(cut(text, places))).toEqual(expected)
      }),
    )
  })

  test('means the same with CRLF line ends, cut anywhere', () => {
    const expected = whole(text)
    const crlf = text.replaceAll('\n', '\r\n')
    expect(bytewise(crlf)).toEqual(expected)
    fc.assert(
      fc.property(cuts(Buffer.byteLength(crlf)), (places) => {
        expect(scan(cut(crlf, places))).toEqual(expected)
      }),
    )
  })

  test('shows no usage, no comment and no [DONE], and every line is JSON', () => {
    const frames = framesOf(framewise(text).out)
    expect(frames.length).toBeGreaterThan(2)
    for (const frame of frames) {
      const chunk = JSON.parse(frame.replace(/^data: /, '')) as Record<string, unknown>
      expect(chunk['usage'] ?? null).toBeNull()
      expect(chunk['choices']).not.toEqual([])
    }
  })
})

describe('bytes', () => {
  test.each([
    ['openai', [6, 7]],
    ['azure', [0, 5, 6]],
    ['spaced', [3, 4]],
  ] as const)('%s passes byte for byte but for what is ours to show', (name, ours) => {
    const text = recorded(name)
    expect(framewise(text).out).toBe(without(text, ...ours))
    expect(whole(text).out).toBe(without(text, ...ours))
  })

  test('a finish that carries the usage goes on without it', () => {
    const text = recorded('mistral')
    const usage = ',"usage":{"prompt_tokens":5,"total_tokens":11,"completion_tokens":6}'
    expect(text).toContain(usage)
    expect(framewise(text).out).toBe(without(text, 4).replace(usage, ''))
  })

  test('usage in every chunk is taken out of every chunk, and the last one counts', () => {
    const { out, usage } = framewise(recorded('vllm'))
    expect(out).not.toContain('usage')
    expect(framesOf(out)).toHaveLength(5)
    expect(usage).toMatchObject({ input: 31, output: 15 })
  })
})

describe('what is captured', () => {
  test('usage comes in buckets, with the chunk that a caller may have asked for', () => {
    const { usage, usageChunk } = framewise(recorded('deepseek'))
    expect(usage).toMatchObject({ input: 4, cachedInput: 16, output: 12 })
    expect(usageChunk).toMatchObject({ id: 'f0c2d1e5', choices: [], usage: { total_tokens: 32 } })
  })

  test('the service tier that answered is known', () => {
    expect(framewise(recorded('openai')).serviceTier).toBe('default')
    expect(framewise(recorded('azure')).serviceTier).toBeUndefined()
  })

  test('without [DONE] a finish is still a finish', () => {
    const text = recorded('openai').replace('data: [DONE]\n\n', '')
    expect(framewise(text)).toMatchObject({ hasFinish: true, isDone: false })
  })

  test('without a finish there is none, whatever the text says', () => {
    const [first = '', second = '', third = '', fourth = ''] = framesOf(recorded('openai'))
    const text = [first, second, third, fourth, 'data: [DONE]', ''].join('\n\n')
    expect(third).toContain('finish_reason\\"')
    expect(framewise(text)).toMatchObject({ isVisible: true, hasFinish: false, isDone: true })
  })
})

test.each(['data: {}\n', 'da', '\n\nd', ': it\ndata: 1\n'])(
  'what comes behind the beginning %j of an event is no event of its own, however like one it looks',
  (beginning) => {
    const [first = '', ...plain] = framesOf(recorded('azure'))
      .slice(0, 4)
      .map((frame) => `${frame}\n\n`)
    const like = plain.at(-1) ?? ''
    const text = [first, ...plain, beginning, like, like]
    const expected = whole(text.join(''))
    expect(expected.fault).toBeDefined()
    const framed = scan(text.map((part) => Buffer.from(part)))
    expect(framed).toEqual(expected)
  },
)

test('any text passes unchanged and hides neither finish nor usage, however it is written or cut', () => {
  const tricky = fc.constantFrom(
    ...['"finish_reason":"stop"', '"error":{"a":1}', '"usage":{"prompt_tokens":1}', '\n\n'],
    ...['data: [DONE]', '}', '\\', '\\"error\\":1', '\u2028', '👩‍👩‍👧', 'é', 'null'],
  )
  const piece = fc.oneof(tricky, fc.string({ unit: 'binary' }), fc.string())
  const body = fc.record({
    pieces: fc.array(piece, { minLength: 1, maxLength: 6 }),
    space: fc.constantFrom('', ' '),
    places: cuts(600),
  })
  fc.assert(
    fc.property(body, ({ pieces, space, places }) => {
      const line = (delta: object, reason: string | null, more: object = {}) => {
        const choices = [{ index: 0, delta, finish_reason: reason }]
        const json = JSON.stringify({ id: 'c', choices, ...more })
        const spaced = json.replaceAll('"finish_reason":', `"finish_reason":${space}`)
        return `data: ${json.includes('\\"') ? json : spaced}\n\n`
      }
      const texts = [
        line({ content: 'x' }, null),
        ...pieces.map((text) => line({ content: text }, null)),
      ]
      const end = `${line({}, 'stop')}data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n`
      const open = scan(cut(texts.join(''), places))
      expect(open).toMatchObject({ hasFinish: false, fault: undefined, usage: undefined })
      expect(open.out).toBe(Buffer.from(texts.join('')).toString())
      const closed = scan(cut(texts.join('') + end, places))
      expect(closed).toMatchObject({ hasFinish: true, fault: undefined, usage: { input: 3 } })
      expect(closed.out).toBe(Buffer.from(texts.join('') + line({}, 'stop')).toString())
    }),
    { numRuns: 300 },
  )
})
