import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundTokens, likelyTokens, mediaTokens, textSize } from './estimate.ts'

const sizeOf = (text: string) => textSize(text, Buffer.byteLength(text))

describe('the size of a text', () => {
  test.each([
    ['', { ascii: 0, other: 0 }],
    ['Hello', { ascii: 5, other: 0 }],
    ['Größe', { ascii: 3, other: 4 }],
    ['你好', { ascii: 0, other: 6 }],
    ['a👋🏽b', { ascii: 2, other: 8 }],
  ])('%s', (text, size) => {
    expect(sizeOf(text)).toEqual(size)
  })

  test('counts each byte once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const { ascii, other } = sizeOf(text)
        expect(ascii + other).toBe(Buffer.byteLength(text))
        expect(ascii).toBe(text.replace(/[^\0-\x7f]/g, '').length)
      }),
    )
  })
})

describe('tokens without a tokenizer', () => {
  test('are bounded by half a token an ASCII byte, and one a byte otherwise', () => {
    expect(boundTokens({ ascii: 100, other: 7 })).toBe(57)
    expect(boundTokens({ ascii: 1, other: 0 })).toBe(1)
  })

  test('are likely a quarter of the ASCII bytes, and half of the others', () => {
    expect(likelyTokens({ ascii: 100, other: 8 })).toBe(29)
    expect(likelyTokens({ ascii: 1, other: 1 })).toBe(1)
  })

  test('are whole numbers, and the bound is never below what is likely', () => {
    const sizes = fc.record({ ascii: fc.nat(), other: fc.nat() })
    fc.assert(
      fc.property(sizes, (size) => {
        expect(Number.isInteger(likelyTokens(size))).toBe(true)
        expect(boundTokens(size)).toBeGreaterThanOrEqual(likelyTokens(size))
      }),
    )
  })

  test('of images are their maximum each, of audio by its bytes', () => {
    expect(mediaTokens({ images: 3, audioBytes: 0 }, 1_600)).toBe(4_800)
    expect(mediaTokens({ images: 0, audioBytes: 501 }, 1_600)).toBe(11)
    expect(mediaTokens({ images: 0, audioBytes: 0 }, 1_600)).toBe(0)
  })
})
