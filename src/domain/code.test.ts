import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatCode, readCode } from './code.ts'

const random = fc.bigInt({ min: 0n, max: 2n ** 90n - 1n })

test('a code is read as it was written, however it is typed', () => {
  fc.assert(
    fc.property(random, (bits) => {
      const code = formatCode(bits)
      expect(code).toMatch(/^[0-9A-Z]{5}(-[0-9A-Z]{5}){3}$/)
      const plain = code.replaceAll('-', '')
      expect(readCode(code)).toBe(plain)
      expect(readCode(` ${code.toLowerCase().replaceAll('-', ' ')} `)).toBe(plain)
      expect(readCode(plain.replaceAll('0', 'o').replaceAll('1', 'l'))).toBe(plain)
    }),
  )
})

test('a wrong character, or two in each other’s place, are noticed', () => {
  const place = fc.nat(19)
  const letter = fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'.split(''))
  fc.assert(
    fc.property(random, place, letter, (bits, at, other) => {
      const code = formatCode(bits).replaceAll('-', '')
      const wrong = code.slice(0, at) + other + code.slice(at + 1)
      if (wrong !== code) expect(readCode(wrong)).toBeUndefined()
      const [one = '', two = ''] = code.slice(at, at + 2).split('')
      const swapped = code.slice(0, at) + two + one + code.slice(at + 2)
      if (swapped !== code && at < 17) expect(readCode(swapped)).toBeUndefined()
    }),
  )
})
