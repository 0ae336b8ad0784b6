import { quarterAt, stretchAround, type Period, type Stretch } from './calendar.ts'
import { minus, plus, ZERO, type MicroCredits } from './money.ts'
import { QUARTER_MS, type LocalTime } from './time-zone.ts'

/**
 * What was spent in a day, week or month, and what requests in flight may still cost. These are kept when the next one
 * begins: they will be charged in it.
 */
export class Spending {
  readonly #period: Period
  readonly #local: LocalTime
  #stretch: Stretch
  #spent = ZERO
  #held = ZERO

  constructor(period: Period, local: LocalTime, nowMs: number) {
    this.#period = period
    this.#local = local
    this.#stretch = stretchAround(quarterAt(nowMs), period, local)
  }

  get stretch(): Stretch {
    return this.#stretch
  }

  /** A clock that is set back does not bring an earlier stretch back. */
  total(nowMs: number): MicroCredits {
    const now = quarterAt(nowMs)
    if (now >= this.#stretch.to) {
      this.#stretch = stretchAround(now, this.#period, this.#local)
      this.#spent = ZERO
    }
    return plus(this.#spent, this.#held)
  }

  /** Without what runs, which may cost less than is held for it. */
  spent(nowMs: number): MicroCredits {
    return minus(this.total(nowMs), this.#held)
  }

  hold(amount: MicroCredits): void {
    this.#held = plus(this.#held, amount)
  }

  /** What was held has cost this. */
  settle(held: MicroCredits, cost: MicroCredits, nowMs: number): void {
    this.total(nowMs)
    this.#held = minus(this.#held, held)
    this.#spent = plus(this.#spent, cost)
  }

  /** What was spent is not known any more; what runs is. */
  forgetSpent(nowMs: number): void {
    this.total(nowMs)
    this.#spent = ZERO
  }

  /** It was spent before anything was counted here. */
  spentBefore(amount: MicroCredits): void {
    this.#spent = plus(this.#spent, amount)
  }

  /** So much of what was spent at a time was given back. A stretch that is over stays as it was. */
  giveBack(amount: MicroCredits, { spentMs, nowMs }: { spentMs: number; nowMs: number }): void {
    this.total(nowMs)
    if (quarterAt(spentMs) < this.#stretch.from) return
    this.#spent = amount < this.#spent ? minus(this.#spent, amount) : ZERO
  }

  endsIn(nowMs: number): number {
    return this.#stretch.to * QUARTER_MS - nowMs
  }
}
