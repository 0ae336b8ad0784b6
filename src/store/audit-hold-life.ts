import type { Line } from './audit-line.ts'

/** A14's idea of time. Clocks are set, so that an entry's time alone says little about how long ago it was. */
export class HoldLives {
  #run = ''
  #served = { run: '', at: 0 }
  #at = Infinity
  #workedMs = 0

  enter({ kind, at, run }: Line): void {
    if (at > this.#at) this.#workedMs += Math.min(at - this.#at, STEP_MS_MAX)
    this.#at = at
    if (kind === 'open') this.#run = run
    else if (kind === 'hold') this.#served = { run: this.#run, at }
  }

  /** For a hold that begins with the entry that came last. */
  birth(): Birth {
    return { run: this.#run, workedMs: this.#workedMs }
  }

  /** Why a hold that is still open should have ended long ago. */
  overdue({ at }: Pick<Line, 'at'>, { run, workedMs }: Birth): string | undefined {
    const isDead = run !== this.#served.run
    if (isDead && this.#served.at - at > LIFE_MS) return 'its run is dead'
    return this.#workedMs - workedMs > RUN_LIFE_MS ? 'nobody ended it for a day' : undefined
  }
}

export type Birth = Readonly<{ run: string; workedMs: number }>

/** The longest request, and ten minutes to end its hold. */
const LIFE_MS = 40 * 60_000
/** Whatever is configured, no request goes on for so long. */
const RUN_LIFE_MS = 24 * 3_600_000
/** Between two entries: more may be a clock that was set, or a night in which nobody asked anything. */
const STEP_MS_MAX = 10 * 60_000
