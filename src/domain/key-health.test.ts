import { expect, test } from 'vitest'
import { KeyHealth } from './key-health.ts'

test.each([
  [2_000, 2_000],
  [3_600_000, 60_000],
  [undefined, 1_000],
])('a limited key that is told to wait %s ms cools for %s ms', (retryAfterMs, coolMs) => {
  const key = new KeyHealth()
  key.limited(0, retryAfterMs)
  expect(key.state(coolMs - 1)).toBe('cooling')
  expect(key.state(coolMs)).toBe('ready')
})

test('a key that is limited again and again without a word cools longer each time, up to a minute', () => {
  const key = new KeyHealth()
  const times: number[] = []
  for (let at = 0, now = 0; at < 9; at++, now = key.untilTicks) {
    key.limited(now, undefined)
    times.push(key.untilTicks - now)
  }
  expect(times.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
  expect(times.at(-1)).toBe(60_000)
})

test('ten calls that are limited at the same time let a key cool once', () => {
  const key = new KeyHealth()
  for (let at = 0; at < 10; at++) key.limited(0, undefined)
  expect(key.untilTicks).toBeLessThanOrEqual(2_000)
})

test('a refused key is off, told once, probed by one call after its time, and on when that succeeds', () => {
  const key = new KeyHealth()
  expect(key.refused(0, { status: 401, offMs: 600_000 })).toBe(true)
  expect(key.refused(1, { status: 401, offMs: 600_000 })).toBe(false)
  expect(key.state(599_999)).toBe('off')
  expect(key.state(600_001)).toBe('probe')
  expect(key.begin(600_001)).toBe(true)
  expect(key.state(600_001)).toBe('off')
  key.probed()
  expect(key.taken()).toBe(true)
  expect(key.state(600_001)).toBe('ready')
})

test('a prompt that is forbidden does not take a key from everybody; three in a row do', () => {
  const key = new KeyHealth()
  const forbid = () => key.refused(0, { status: 403, offMs: 1_000 })
  expect([forbid(), forbid()]).toEqual([false, false])
  key.taken()
  expect([forbid(), forbid(), forbid()]).toEqual([false, false, true])
})

test('a good probe takes back a key that was unknown; one without money is tried by the next request', () => {
  const [unknown, poor] = [new KeyHealth(), new KeyHealth()]
  unknown.refused(0, { status: 401, offMs: 1_000 })
  poor.refused(0, { status: 402, offMs: 1_000 })
  expect([unknown.answeredProbe(10), poor.answeredProbe(10)]).toEqual([true, false])
  expect([unknown.state(10), poor.state(10)]).toEqual(['ready', 'probe'])
})

test('a good probe ends a pause that was guessed, and none that the provider asked for', () => {
  const [guessed, told] = [new KeyHealth(), new KeyHealth()]
  guessed.limited(0, undefined)
  told.limited(0, 900)
  for (const key of [guessed, told]) key.answeredProbe(10)
  expect([guessed.state(10), told.state(10)]).toEqual(['ready', 'cooling'])
})
