import type { Clock } from '../ports/clock.ts'

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  ticksMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms).unref()
    return () => {
      clearTimeout(timer)
    }
  },
}
