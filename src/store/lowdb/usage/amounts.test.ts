import fc from 'fast-check'
import { expect, test } from 'vitest'
import { micro } from '../../../domain/money.ts'
import { joinAmount, splitAmount, wholeAmount } from './amounts.ts'

const AMOUNT = fc.oneof(
  fc.bigInt({ min: 0n, max: 9_999_999_999_999_999_999n }),
  fc.constantFrom(0n, 2n ** 32n - 1n, 2n ** 32n, 999_999_999_999_999n, 10n ** 15n),
)

test('an amount and its text are split alike, and the halves are the amount', () => {
  fc.assert(
    fc.property(AMOUNT, (amount) => {
      const split = splitAmount(micro(amount))
      expect(splitAmount(amount.toString())).toEqual(split)
      expect(joinAmount(split)).toBe(amount)
    }),
  )
})

test('a whole number is the same as an amount', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      expect(wholeAmount(value)).toBe(BigInt(value))
    }),
  )
})
