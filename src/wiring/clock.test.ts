import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from './clock.ts'

const HOUR_MS = 3_600_000

afterEach(() => {
  vi.restoreAllMocks()
})

test('where the time of day is set back it goes on as it was, however long nobody asked; set right again, it is followed', () => {
  const [dateNow, ticks] = [Date.now.bind(Date), performance.now.bind(performance)]
  let [setBy, passed] = [0, 0]
  vi.spyOn(Date, 'now').mockImplementation(() => dateNow() + setBy + passed)
  vi.spyOn(performance, 'now').mockImplementation(() => ticks() + passed)
  const begun = systemClock.nowMs()
  const since = () => systemClock.nowMs() - begun
  expect(Math.abs(begun - dateNow())).toBeLessThan(1_000)

  for (const step of [-60_000, -HOUR_MS]) {
    setBy = step
    expect(Math.abs(since() - passed)).toBeLessThan(1_000)
    passed += 2 * HOUR_MS // longer than it was set back
    expect(Math.abs(since() - passed)).toBeLessThan(1_000)
  }
  setBy = HOUR_MS
  expect(Math.abs(since() - passed - HOUR_MS)).toBeLessThan(1_000)
  setBy = 0
  expect(Math.abs(since() - passed)).toBeLessThan(1_000)
})
