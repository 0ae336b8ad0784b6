import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hundredthsText, timeText } from './number-text.ts'

const ODD = fc.constantFrom(...[0, -0, -1, 1.5, 1e21, 1e-7, NaN, Infinity, -Infinity, 2 ** 53])

test('a time is written as JSON writes it, each time that it comes', () => {
  const near = fc.nat(5_000).map((ms) => 1_764_000_000_000 + ms)
  fc.assert(
    fc.property(fc.array(fc.oneof(near, fc.double(), ODD), { maxLength: 50 }), (list) => {
      for (const ms of [...list, ...list]) expect(timeText(ms)).toBe(JSON.stringify(ms))
    }),
  )
})

test('hundredths are written as JSON writes them', () => {
  for (let value = 0; value < 3_000; value++)
    expect(hundredthsText(value / 100)).toBe(String(value / 100))
  const rounded = fc
    .double({ min: 0, max: 1e9, noNaN: true })
    .map((ms) => Math.round(ms * 100) / 100)
  fc.assert(
    fc.property(fc.oneof(rounded, fc.double(), ODD), (value) => {
      expect(hundredthsText(value)).toBe(JSON.stringify(value))
    }),
    { numRuns: 2_000 },
  )
})
