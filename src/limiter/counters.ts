import type { RateRule, SpendRule } from '../domain/limit-rule.ts'
import type { MicroCredits } from '../domain/money.ts'
import { SlidingWindow } from '../domain/sliding-window.ts'
import { Spending } from '../domain/spending.ts'
import { localTime } from '../domain/time-zone.ts'
import type { Claim, Standing } from '../ports/limiter.ts'
import type { Clock } from '../ports/clock.ts'

export type Now = Pick<Clock, 'nowMs' | 'ticksMs'>

/** What was counted under the name of a rule; its limit may change meanwhile. */
export type Counter = RateCounter | SpendCounter

export class RateCounter {
  readonly window: SlidingWindow
  /** What was counted before this process began has been looked up, or does not matter. */
  isReady: boolean

  constructor(windowMs: number, isReady: boolean) {
    this.window = new SlidingWindow(windowMs)
    this.isReady = isReady
  }

  isIdle(now: Now): boolean {
    return this.window.total(now.ticksMs()) === 0
  }
}

export class SpendCounter {
  readonly spending: Spending
  isReady = false

  constructor({ period, timeZone }: SpendRule, now: Now) {
    this.spending = new Spending(period, localTime(timeZone), now.nowMs())
  }

  isIdle(now: Now): boolean {
    return this.spending.total(now.nowMs()) === 0n
  }
}

/** Nobody knows when what runs is over, and how much of its hold it leaves. */
const RUNNING_MS = 1_000

/** A rule over its counter. */
export type Bound = RateBound | SpendBound

export class RateBound {
  readonly rule: RateRule
  readonly counter: RateCounter
  readonly #isTokens: boolean

  constructor(rule: RateRule, counter: RateCounter) {
    this.rule = rule
    this.counter = counter
    this.#isTokens = rule.of === 'tokens'
  }

  fits(claim: Claim, nowTicks: number): boolean {
    return this.counter.window.total(nowTicks) + this.#amountOf(claim) <= this.rule.limit
  }

  waitMs(claim: Claim, nowTicks: number): number {
    const before = this.rule.limit - this.#amountOf(claim)
    return before < 0 ? Infinity : this.counter.window.fallsTo(before, nowTicks)
  }

  take(claim: Claim, nowTicks: number): void {
    this.counter.window.add(nowTicks, this.#amountOf(claim))
  }

  settle(claim: Claim, tokens: number, nowTicks: number): void {
    if (!this.#isTokens || claim.takenTicks === undefined) return
    if (tokens > claim.tokens) this.counter.window.add(nowTicks, tokens - claim.tokens)
    else this.counter.window.takeBack(claim.takenTicks, claim.tokens - tokens)
  }

  undo(claim: Claim): void {
    if (claim.takenTicks === undefined) return
    this.counter.window.takeBack(claim.takenTicks, this.#amountOf(claim))
  }

  left(nowTicks: number): number {
    return Math.max(this.rule.limit - this.counter.window.total(nowTicks), 0)
  }

  /** Until all of it is free again. */
  standing(nowTicks: number): Standing {
    const { window } = this.counter
    return {
      limit: this.rule.limit,
      left: this.left(nowTicks),
      resetMs: window.fallsTo(0, nowTicks),
    }
  }

  #amountOf({ tokens }: Claim): number {
    return this.#isTokens ? tokens : 1
  }
}

export class SpendBound {
  readonly rule: SpendRule
  readonly counter: SpendCounter
  readonly #now: Now

  constructor(rule: SpendRule, counter: SpendCounter, now: Now) {
    this.rule = rule
    this.counter = counter
    this.#now = now
  }

  fits({ spend }: Claim): boolean {
    return this.counter.spending.total(this.#now.nowMs()) + spend <= this.rule.limit
  }

  waitMs({ spend }: Claim): number {
    if (spend > this.rule.limit) return Infinity
    const { spending } = this.counter
    const nowMs = this.#now.nowMs()
    return spending.spent(nowMs) + spend <= this.rule.limit ? RUNNING_MS : spending.endsIn(nowMs)
  }

  take({ spend }: Claim): void {
    this.counter.spending.hold(spend)
  }

  settle({ spend }: Claim, cost: MicroCredits): void {
    this.counter.spending.settle(spend, cost, this.#now.nowMs())
  }

  left(): MicroCredits {
    const left = this.rule.limit - this.counter.spending.total(this.#now.nowMs())
    return (left > 0n ? left : 0n) as MicroCredits
  }
}
