import type { Clock } from '../ports/clock.ts'

const ticks = (): number => performance.now()

/** What was told last. */
let toldMs = 0

export const systemClock: Clock = {
  /**
   * The time of day. Where it is set back it goes on from the start's by what has passed since: what has expired stays
   * expired.
   */
  nowMs() {
    const now = Date.now()
    toldMs = now < toldMs ? Math.max(now, Math.floor(performance.timeOrigin + ticks())) : now
    return toldMs
  },
  ticksMs: ticks,
  after(ms, run) {
    const timer = setTimeout(run, ms).unref()
    return () => {
      clearTimeout(timer)
    }
  },
}
