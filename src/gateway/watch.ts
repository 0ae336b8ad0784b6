import type { Clock } from '../ports/clock.ts'

/** Something that may fall due while an answer runs. Its time may move at any moment. */
export type Duty = Readonly<{ dueAt: () => number; run: () => void }>

/** One timer for all duties of a running answer, so that a chunk costs it no timer calls. */
export class Watch {
  readonly #clock: Clock
  readonly #duties: readonly Duty[]
  #cancel: (() => void) | undefined
  #isOver = false

  constructor(clock: Clock, duties: readonly Duty[]) {
    this.#clock = clock
    this.#duties = duties
    this.rearm()
  }

  rearm(): void {
    this.#cancel?.()
    if (this.#isOver) return
    let next = Infinity
    for (const duty of this.#duties) next = Math.min(next, duty.dueAt())
    if (next === Infinity) return
    const waitMs = Math.min(Math.max(next - this.#clock.ticksMs(), 1), LOOK_EVERY_MS)
    this.#cancel = this.#clock.after(waitMs, () => {
      const now = this.#clock.ticksMs()
      for (const duty of this.#duties) if (duty.dueAt() <= now && !this.#isOver) duty.run()
      this.rearm()
    })
  }

  stop(): void {
    this.#isOver = true
    this.#cancel?.()
  }
}

/** A due time that moved nearer is noticed within this time. */
const LOOK_EVERY_MS = 5_000
