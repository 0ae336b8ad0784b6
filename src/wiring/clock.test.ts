import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from './clock.ts'

const HOUR_MS = 3_600_000

afterEach(() => {
  vi.restoreAllMocks()
})

test('where the time of day is set back, it goes on as it was; where that was right again, it follows', () => {
  const dateNow = Date.now.bind(Date)
  const setTo = (ms: number) => vi.spyOn(Date, 'now').mockImplementation(() => dateNow() + ms)
  const before = systemClock.nowMs()
  expect(Math.abs(before - dateNow())).toBeLessThan(1_000)

  setTo(-HOUR_MS)
  const setBack = systemClock.nowMs()
  expect(setBack).toBeGreaterThanOrEqual(before - 1) // the start's time and the ticks are rounded
  expect(setBack - dateNow()).toBeLessThan(1_000)
  const later = systemClock.nowMs()
  expect(later).toBeGreaterThanOrEqual(setBack)

  setTo(HOUR_MS)
  expect(systemClock.nowMs() - before).toBeGreaterThan(HOUR_MS - 1_000)
  setTo(0)
  expect(Math.abs(systemClock.nowMs() - dateNow())).toBeLessThan(1_000)
})
