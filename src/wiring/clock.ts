import type { Clock } from '../ports/clock.ts'

const { timeOrigin } = performance

export const systemClock: Clock = {
  /**
   * The time of day, but never less than the start's and what has passed since: where the clock is set back, what has
   * expired stays expired.
   */
  nowMs: () => Math.max(Date.now(), Math.floor(timeOrigin + performance.now())),
  ticksMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms).unref()
    return () => {
      clearTimeout(timer)
    }
  },
}
