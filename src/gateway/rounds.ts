import type { Clock } from '../ports/clock.ts'

/** Something that runs for a while and may fall due for something: late, silent, or in need of a sign of life. */
export interface Watched {
  /** Its place on the rounds; theirs to set. */
  slot: number
  look(nowTicks: number): void
  /** The gateway is about to stop. */
  hurry(): void
}

/** How late a deadline may be noticed. */
const EVERY_MS = 50
/** A round that comes so late comes after a pause of all that runs here. */
const PAUSE_MS = 500

/**
 * One timer that looks after everything that runs, instead of several for each request. They stand in an array whose
 * places are filled up again: a Set leaves tables behind that keep finished requests alive until the next full
 * garbage collection, which cost a quarter of the whole CPU time.
 */
export class Rounds {
  readonly #clock: Clock
  readonly #watched: Watched[] = []
  #isTicking = false
  /** One round at most: where all are so late, they have to do. */
  #isSkipping = false
  /** The gateway is about to stop: nothing new should begin. */
  isHurrying = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(watched: Watched): void {
    watched.slot = this.#watched.length
    this.#watched.push(watched)
    if (!this.#isTicking) this.#tick()
  }

  /** Does nothing for what is not there any more. */
  remove(watched: Watched): void {
    const { slot } = watched
    if (this.#watched[slot] !== watched) return
    const last = this.#watched.pop()
    if (last === undefined || last === watched) return
    this.#watched[slot] = last
    last.slot = slot
  }

  find<T extends Watched>(is: (watched: Watched) => watched is T): T | undefined {
    return this.#watched.find(is)
  }

  hurry(): void {
    this.isHurrying = true
    for (const watched of this.#watched.slice()) watched.hurry()
  }

  #tick(): void {
    this.#isTicking = this.#watched.length > 0
    if (!this.#isTicking) return
    const dueTicks = this.#clock.ticksMs() + EVERY_MS
    this.#clock.after(EVERY_MS, () => {
      const now = this.#clock.ticksMs()
      // Timers run before what arrived meanwhile is read: nobody is found late or silent until it was.
      this.#isSkipping = now - dueTicks >= PAUSE_MS && !this.#isSkipping
      if (!this.#isSkipping) this.#look(now)
      this.#tick()
    })
  }

  /** From the end, because looking may remove: what fills the place has been looked at already. */
  #look(now: number): void {
    for (let slot = this.#watched.length - 1; slot >= 0; slot--) this.#watched[slot]?.look(now)
  }
}
