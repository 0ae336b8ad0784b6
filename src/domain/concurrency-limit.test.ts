import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConcurrencyLimit } from './concurrency-limit.ts'

test('there is no limit while the provider takes everything', () => {
  const limit = new ConcurrencyLimit()
  for (let at = 0; at < 1_000; at++) limit.began(at, 2_000, 50)
  expect(limit.limit).toBe(Infinity)
})

test('a 429 at 100 calls leaves 70, and a burst of them counts once', () => {
  const limit = new ConcurrencyLimit()
  for (let at = 0; at < 50; at++) limit.pressed(at, 100)
  expect(limit.limit).toBe(70)
  limit.pressed(1_000, 70)
  expect(limit.limit).toBe(49)
})

test('a 429 at few calls begins at 32, and further ones go down to 4', () => {
  const limit = new ConcurrencyLimit()
  limit.pressed(0, 1)
  expect(limit.limit).toBe(32)
  for (let at = 1; at < 30; at++) limit.pressed(at * 1_000, 4)
  expect(limit.limit).toBe(4)
})

test('it grows by one in the time of a first byte, when it is used', () => {
  const limit = new ConcurrencyLimit()
  limit.pressed(0, 1)
  limit.answered(1_000, 32)
  limit.answered(1_050, 32)
  expect(limit.limit).toBe(33)
  limit.answered(2_000, 2)
  expect(limit.limit).toBe(33)
})

test('above 512 it is gone', () => {
  const limit = new ConcurrencyLimit()
  limit.pressed(0, 1)
  for (let at = 1; at <= 481; at++) limit.answered(at * 1_000, 500)
  expect(limit.limit).toBe(Infinity)
})

test('first bytes twice as late as usual are a sign, one late one is none', () => {
  const limit = new ConcurrencyLimit()
  for (let at = 0; at < 100; at++) limit.began(at * 1_000, 100, 100)
  limit.began(100_000, 100, 500)
  expect(limit.limit).toBe(Infinity)
  for (let at = 0; at < 20; at++) limit.began(101_000, 100, 500)
  expect(limit.limit).toBe(70)
})

test('whatever happens, four calls may run', () => {
  const step = fc.record({ pressed: fc.boolean(), inFlight: fc.nat(600), afterMs: fc.nat(5_000) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const limit = new ConcurrencyLimit()
      let now = 0
      for (const { pressed, inFlight, afterMs } of steps) {
        now += afterMs
        if (pressed) limit.pressed(now, inFlight)
        else limit.answered(now, inFlight)
        expect(limit.limit).toBeGreaterThanOrEqual(4)
      }
    }),
  )
})
