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
  for (let at = 0; at < 50; at++) limit.refused(at, 100, 0)
  expect(limit.limit).toBe(70)
  limit.refused(1_000, 70, 900)
  expect(limit.limit).toBe(49)
})

test('what was sent before it fell does not let it fall again', () => {
  const limit = new ConcurrencyLimit()
  limit.refused(1_000, 100, 900)
  for (let at = 2_000; at < 9_000; at += 1_000) limit.refused(at, 70, 950)
  expect(limit.limit).toBe(70)
  limit.refused(9_000, 70, 8_900)
  expect(limit.limit).toBe(49)
})

test('it is a guess until the provider says so, and again when it is gone', () => {
  const limit = new ConcurrencyLimit()
  expect(limit.isGuess).toBe(true)
  limit.refused(0, 512, 0)
  expect(limit.isGuess).toBe(false)
  for (let at = 1; limit.limit < Infinity; at++) limit.answered(at * 1_000, 512)
  expect(limit.isGuess).toBe(true)
})

test('a few milliseconds more are no sign, however many times as late they are', () => {
  const limit = new ConcurrencyLimit()
  for (let at = 0; at < 100; at++) limit.began(at * 1_000, 100, 1)
  for (let at = 0; at < 100; at++) limit.began(200_000 + at * 1_000, 100, 100)
  expect(limit.limit).toBe(Infinity)
})

test('a 429 at few calls begins at 32, and further ones go down to 4', () => {
  const limit = new ConcurrencyLimit()
  limit.refused(0, 1, 0)
  expect(limit.limit).toBe(32)
  for (let at = 1; at < 30; at++) limit.refused(at * 1_000, 4, at * 1_000 - 10)
  expect(limit.limit).toBe(4)
})

test('it grows by one in the time of a first byte, when it is used', () => {
  const limit = new ConcurrencyLimit()
  limit.refused(0, 1, 0)
  limit.answered(1_000, 32)
  limit.answered(1_050, 32)
  expect(limit.limit).toBe(33)
  limit.answered(2_000, 2)
  expect(limit.limit).toBe(33)
})

test('above 512 it is gone', () => {
  const limit = new ConcurrencyLimit()
  limit.refused(0, 1, 0)
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
        if (pressed) limit.refused(now, inFlight, now)
        else limit.answered(now, inFlight)
        expect(limit.limit).toBeGreaterThanOrEqual(4)
      }
    }),
  )
})
