import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Breaker } from './breaker.ts'

const settings = { failuresMax: 5, openMs: 30_000 }
/** In the middle of the jitter: none. */
const breaker = () => new Breaker(() => 0.5)

function failing(one: Breaker, times: number, nowTicks: number) {
  for (let at = 0; at < times; at++) one.failed(nowTicks, false, settings)
}

describe('a breaker', () => {
  test('opens at the fifth failure in a row, and not at the fourth', () => {
    const one = breaker()
    failing(one, 4, 0)
    expect(one.state(0)).toBe('closed')
    failing(one, 1, 0)
    expect(one.state(29_999)).toBe('open')
    expect(one.state(30_000)).toBe('probe')
  })

  test('opens when half of twenty calls in ten seconds fail, however they are mixed', () => {
    const one = breaker()
    for (let at = 0; at < 9; at++) {
      one.succeeded(0)
      one.failed(0, false, settings)
    }
    one.succeeded(0)
    expect(one.state(0)).toBe('closed')
    one.failed(0, false, settings)
    expect(one.state(0)).toBe('open')
  })

  test('forgets failures of more than ten seconds ago', () => {
    const one = breaker()
    for (let at = 0; at < 9; at++) {
      one.succeeded(0)
      one.failed(0, false, settings)
    }
    one.succeeded(11_000)
    one.failed(11_000, false, settings)
    expect(one.state(11_000)).toBe('closed')
  })

  test('lets one probe through at a time, and closes after three successes', () => {
    const one = breaker()
    failing(one, 5, 0)
    for (const _ of [1, 2, 3]) {
      expect(one.begin(30_000)).toBe(true)
      expect(one.begin(30_000)).toBe(false)
      expect(one.state(30_000)).toBe('open')
      one.probed()
      one.succeeded(30_000)
    }
    expect(one.state(30_000)).toBe('closed')
  })

  test('lets the next one probe when the caller of the first left', () => {
    const one = breaker()
    failing(one, 5, 0)
    one.begin(30_000)
    one.probed()
    expect(one.state(30_000)).toBe('probe')
  })

  test('stays open longer each time, up to five minutes', () => {
    const one = breaker()
    failing(one, 5, 0)
    let now = 0
    const times: number[] = []
    for (let at = 0; at < 12; at++) {
      times.push(one.untilTicks - now)
      now = one.untilTicks
      one.begin(now)
      one.probed()
      one.failed(now, true, settings)
    }
    expect(times.slice(0, 3)).toEqual([30_000, 60_000, 90_000])
    expect(Math.max(...times)).toBe(300_000)
  })

  test('comes back within a fifth of its time, never outside', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (chance) => {
        const one = new Breaker(() => chance)
        failing(one, 5, 0)
        expect(one.untilTicks).toBeGreaterThanOrEqual(24_000)
        expect(one.untilTicks).toBeLessThanOrEqual(36_000)
      }),
    )
  })

  test('always comes to a probe again, whatever happens to it', () => {
    const step = fc.record({ isGood: fc.boolean(), afterMs: fc.nat(400_000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const one = breaker()
        let now = 0
        for (const { isGood, afterMs } of steps) {
          now += afterMs
          const isProbe = one.begin(now)
          if (isProbe) one.probed()
          if (isGood) one.succeeded(now)
          else one.failed(now, isProbe, settings)
        }
        expect(one.state(now + 300_001)).not.toBe('open')
      }),
    )
  })
})
