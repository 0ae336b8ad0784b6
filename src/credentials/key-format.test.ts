import crypto from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatKey, isWholeKey } from './key-format.ts'
import { nodeSecrets } from './node-secrets.ts'

const randoms = fc.uint8Array({ minLength: 32, maxLength: 32 })
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

describe('a key', () => {
  test('of any random bytes has one length and one alphabet', () => {
    const extremes = [new Uint8Array(32), new Uint8Array(32).fill(255)]
    fc.assert(
      fc.property(fc.oneof(randoms, fc.constantFrom(...extremes)), (random) => {
        expect(formatKey(random)).toMatch(/^tg-[0-9A-Za-z]{49}$/)
        expect(isWholeKey(formatKey(random))).toBe(true)
      }),
    )
  })

  test('keeps all its randomness: other bytes, other key', () => {
    fc.assert(
      fc.property(
        randoms,
        fc.nat({ max: 31 }),
        fc.integer({ min: 1, max: 255 }),
        (random, at, by) => {
          const other = random.map((byte, index) => (index === at ? byte ^ by : byte))
          expect(formatKey(other)).not.toBe(formatKey(random))
        },
      ),
    )
  })

  test('does not come twice', () => {
    const keys = Array.from({ length: 20_000 }, () => formatKey(crypto.randomBytes(32)))
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('with any one character changed is told from a whole one', () => {
    const key = formatKey(crypto.createHash('sha256').update('a key').digest())
    for (let at = 0; at < key.length; at++) {
      for (const digit of `${BASE62}-_ `) {
        if (digit === key[at]) continue
        const typo = key.slice(0, at) + digit + key.slice(at + 1)
        expect(isWholeKey(typo), typo).toBe(false)
      }
    }
  })

  test('copied in part, or with something around it, is not whole', () => {
    const key = formatKey(new Uint8Array(32).fill(7))
    for (let length = 0; length < key.length; length++) {
      expect(isWholeKey(key.slice(0, length))).toBe(false)
    }
    for (const wrong of [`${key}0`, ` ${key}`, `${key}\n`, key.slice(3), `sk-${key.slice(3)}`]) {
      expect(isWholeKey(wrong)).toBe(false)
    }
  })
})

describe('a new key', () => {
  const secrets = nodeSecrets((secret) => `hash of ${secret}`)

  test('comes with the hash of its secret, and a hint too short to guess it from', () => {
    const { id, secret, hash, hint } = secrets.newKey()
    expect(isWholeKey(secret)).toBe(true)
    expect(hash).toBe(`hash of ${secret}`)
    expect(hint).toBe(`${secret.slice(0, 5)}…${secret.slice(-4)}`)
    expect(id).toMatch(/^key_[\w-]{12}$/)
    expect(secrets.keyFrom(secret)).toEqual({ hash, hint })
  })

  test('ids do not come twice', () => {
    const ids = Array.from({ length: 20_000 }, () => secrets.newId('crd'))
    expect(new Set(ids).size).toBe(ids.length)
  })
})
