import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCredits, micro, MICRO_MAX, parseCredits } from './money.ts'

const amounts = fc.bigInt({ min: 0n, max: MICRO_MAX }).map(micro)

describe('amounts of credit', () => {
  test('read back as they were written', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(parseCredits(formatCredits(amount))).toBe(amount)
      }),
    )
  })

  test('that are read at all mean what they say, to the last place', () => {
    const digits = fc.stringMatching(/^[0-9]{0,14}$/)
    fc.assert(
      fc.property(digits, digits, (whole, fraction) => {
        const text = `${whole}.${fraction}`
        const amount = parseCredits(text)
        if (amount === undefined) return
        const [first = '', rest = ''] = formatCredits(amount).split('.')
        expect([first, rest]).toEqual([whole, fraction.replace(/0+$/, '')])
      }),
      { numRuns: 500 },
    )
  })

  test('are written with neither exponent nor trailing zeros', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(formatCredits(amount)).toMatch(/^(0|[1-9]\d*)(\.\d{0,5}[1-9])?$/)
      }),
    )
  })

  test('below zero have a minus in front, whatever their size', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        fc.pre(amount > 0n)
        expect(formatCredits(micro(0n - amount))).toBe(`-${formatCredits(amount)}`)
      }),
    )
  })

  test('as whole JSON numbers mean the same as their text', () => {
    fc.assert(
      fc.property(fc.nat({ max: 9_000_000_000_000 }), (credits) => {
        expect(parseCredits(credits)).toBe(BigInt(credits) * 1_000_000n)
        expect(parseCredits(credits)).toBe(parseCredits(String(credits)))
      }),
    )
  })

  test.each<[unknown, bigint]>([
    ['0', 0n],
    ['0.000001', 1n],
    ['12.5', 12_500_000n],
    ['1.10', 1_100_000n],
    ['9000000000000', MICRO_MAX],
    [9_000_000_000_000, MICRO_MAX],
    [10, 10_000_000n],
    [0, 0n],
  ])('%j is read', (value, expected) => {
    expect(parseCredits(value)).toBe(expected)
  })

  test.each<[unknown]>([
    [Number.NaN],
    [Infinity],
    [-Infinity],
    [-0],
    ['-0'],
    [Number('1e400')],
    ['1e400'],
    [2 ** 53 + 2],
    [Number('9007199254740993')],
    ['1e3'],
    ['0x10'],
    [' 1'],
    ['1 '],
    ['1\n'],
    ['+1'],
    ['0.0000001'],
    [0.5],
    [-1],
    ['-1'],
    ['01'],
    ['.5'],
    ['5.'],
    ['1,5'],
    ['1_000'],
    ['9000000000000.000001'],
    ['9000000000001'],
    [9_000_000_000_001],
    ['99999999999999'],
    ['١٢'],
    ['Infinity'],
    [''],
    [null],
    [undefined],
    [true],
    [10n],
    [['1']],
    [{}],
  ])('%s is refused', (value) => {
    expect(parseCredits(value)).toBeUndefined()
  })
})
