import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkedBody } from './chunked-body.ts'

/** Feeds the text in pieces that end at these places; what the body was, and how many bytes stood behind it. */
function fed(text: string, cuts: readonly number[] = []) {
  const chunks = new ChunkedBody()
  const all = Buffer.from(text, 'latin1')
  const ends = [...new Set(cuts.map((cut) => cut % (all.byteLength + 1)))].sort((a, b) => a - b)
  let data = ''
  let from = 0
  for (const to of [...ends, all.byteLength]) {
    if (chunks.isWrong) break
    const piece = Buffer.from(all.subarray(from, to))
    data += piece.toString('latin1', 0, chunks.gather(piece, 0, piece.byteLength))
    if (chunks.isOver) return { data, rest: all.byteLength - from - chunks.at }
    from = to
  }
  return { data, is: chunks.isWrong ? 'wrong' : 'unfinished' }
}

const CHUNK = fc.tuple(
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }),
  fc.constantFrom('', ';name', ';name="value; more"', ' '.slice(1)),
  fc.boolean(),
)
const TRAILERS = fc.constantFrom('', 'x-trailer: 1\r\n', 'a: b\r\nc: d\r\n')

test('any body in any chunks, cut anywhere, is what was sent', () => {
  fc.assert(
    fc.property(fc.array(CHUNK), TRAILERS, fc.array(fc.nat()), (chunks, trailers, cuts) => {
      const wire = chunks.map(([data, extension, isUpper]) => {
        const size = data.length.toString(16)
        return `${isUpper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`
      })
      const text = `${wire.join('')}0\r\n${trailers}\r\n`
      const data = chunks.map(([one]) => one).join('')
      expect(fed(text, cuts)).toEqual({ data, rest: 0 })
      expect(fed(`${text}more`)).toEqual({ data, rest: 4 })
    }),
  )
})

test.each([
  ['a size that is none', 'zz\r\n'],
  ['no size', '\r\n'],
  ['a sign', '-1\r\n'],
  ['a size beyond counting', `${'f'.repeat(17)}\r\n`],
  ['a line end without its first half', '5\nhello\r\n'],
  ['a line end without its second half', '5\rhello\r\n'],
  ['more data than its size', '5\r\nhello!\r\n'],
  ['a line feed in an extension', '5;a\nb\r\nhello\r\n'],
  ['an endless extension', `5;${'a'.repeat(20_000)}`],
  ['an endless trailer', `0\r\na: ${'b'.repeat(20_000)}`],
  ['a trailer with a bare line feed', '0\r\na: b\n\r\n'],
  ['a last line that is not empty', '0\r\n\r!'],
])('%s is wrong, cut or not', (_what, text) => {
  expect(fed(text).is).toBe('wrong')
  expect(fed(text, [1, 2, 3, 4, 5, 6, 7, 8, 9]).is).toBe('wrong')
})

test('a body that ends in the middle is unfinished', () => {
  for (const text of ['', '5', '5\r\n', '5\r\nhell', '5\r\nhello\r\n', '0\r\n', '0\r\n\r']) {
    expect(fed(text).is).toBe('unfinished')
  }
})
