import type { RateRule, SpendRule } from '../domain/limit-rule.ts'
import { ZERO, type MicroCredits } from '../domain/money.ts'
import { SlidingWindow } from '../domain/sliding-window.ts'
import { Spending } from '../domain/spending.ts'
import { localTime } from '../domain/time-zone.ts'
import { RUNNING_MS, type Claim, type GivenBack, type Spend } from '../ports/limiter.ts'
import type { Clock } from '../ports/clock.ts'
import type { InFlight, Ledger } from '../ports/ledger.ts'

export type Now = Pick<Clock, 'nowMs' | 'ticksMs'>

export type CounterNeeds = Readonly<{
  clock: Now
  ledger: Pick<Ledger, 'inFlight' | 'landed'>
  /** All keys whose limits are counted as those of this one: it, and those that came after it by rotation. */
  keysOf: (line: string) => readonly string[]
}>

/** What was counted under the name of a rule; its limit may change meanwhile. */
export type Counter = RateCounter | SpendCounter

export class RateCounter {
  window: SlidingWindow
  /** Of tokens, what requests that run were given: some of it comes back when they end. */
  running = 0
  readonly #windowMs: number
  /** What was counted before this process began has been looked up, or does not matter. */
  isReady: boolean

  constructor(windowMs: number, isReady: boolean) {
    this.#windowMs = windowMs
    this.window = new SlidingWindow(windowMs)
    this.isReady = isReady
  }

  lapse(): void {
    this.isReady = false
  }

  /** It is to be looked up. */
  beginAnew(): void {
    this.window = new SlidingWindow(this.#windowMs)
  }

  isIdle(now: Now): boolean {
    return this.window.total(now.ticksMs()) === 0
  }
}

export class SpendCounter {
  readonly spending: Spending
  isReady = false
  /** How often what was spent changed while it was looked up. */
  changes = 0
  readonly #inFlight: () => readonly InFlight[]
  /** Requests that are in what is held already. */
  #known: ReadonlySet<string> = new Set()

  constructor({ period, timeZone, subject }: SpendRule, needs: CounterNeeds) {
    const { clock, ledger, keysOf } = needs
    const { kind, id } = subject
    this.spending = new Spending(period, localTime(timeZone), clock.nowMs())
    this.#inFlight =
      kind === 'key'
        ? () => keysOf(id).flatMap((key) => ledger.inFlight('key', key))
        : () => ledger.inFlight('account', id)
  }

  /** Requests are let in that are not counted here; what runs by now is. */
  lapse(): void {
    if (!this.isReady) return
    this.isReady = false
    this.#known = idsOf(this.#inFlight())
  }

  /** What runs and was let in while nobody counted is held from now on, and settled when it ends. */
  holdRunning({ nowMs }: Now): void {
    const running = this.#inFlight()
    for (const { id, amount, whenEnded } of running) {
      if (this.#known.has(id)) continue
      this.spending.hold(amount)
      whenEnded((paid) => {
        this.settle(amount, paid, nowMs())
      })
    }
    this.#known = idsOf(running)
  }

  /** While it is looked up nobody knows whether the books had this cost in them already. */
  settle(held: MicroCredits, cost: MicroCredits, nowMs: number): void {
    if (!this.isReady) this.changes++
    this.spending.settle(held, cost, nowMs)
  }

  /** It is to be looked up; what runs goes on. */
  beginAnew({ nowMs }: Now): void {
    this.spending.forgetSpent(nowMs())
  }

  /** One that is not ready finds it in the books. */
  giveBack({ amount, spentMs }: GivenBack, { nowMs }: Now): void {
    if (this.isReady) this.spending.giveBack(amount, { spentMs, nowMs: nowMs() })
    else this.changes++
  }

  isIdle(now: Now): boolean {
    return this.spending.total(now.nowMs()) === 0n
  }
}

const idsOf = (running: readonly InFlight[]): ReadonlySet<string> =>
  new Set(running.map(({ id }) => id))

/** A rule over its counter. */
export type Bound = RateBound | SpendBound

export class RateBound {
  readonly rule: RateRule
  readonly counter: RateCounter
  /** Of an account above the one that asks, and told to nobody. */
  readonly isAbove: boolean
  readonly #isTokens: boolean

  constructor(rule: RateRule, counter: RateCounter) {
    this.rule = rule
    this.counter = counter
    this.isAbove = rule.subject.kind === 'above'
    this.#isTokens = rule.of === 'tokens'
  }

  fits(claim: Claim, nowTicks: number): boolean {
    return this.counter.window.total(nowTicks) + this.#amountOf(claim) <= this.rule.limit
  }

  waitMs(claim: Claim, nowTicks: number): number {
    const before = this.rule.limit - this.#amountOf(claim)
    if (before < 0) return Infinity
    const { window, running } = this.counter
    const waitMs = window.fallsTo(before, nowTicks)
    const isWorthATry = window.total(nowTicks) - running <= before
    return isWorthATry ? Math.min(waitMs, RUNNING_MS) : waitMs
  }

  take(claim: Claim, nowTicks: number): void {
    this.counter.window.add(nowTicks, this.#amountOf(claim))
    if (this.#isTokens) this.counter.running += claim.tokens
  }

  settle(claim: Claim, tokens: number, nowTicks: number): void {
    if (!this.#isTokens || claim.takenTicks === undefined) return
    this.#ended(claim)
    if (tokens > claim.tokens) this.counter.window.add(nowTicks, tokens - claim.tokens)
    else this.counter.window.takeBack(claim.takenTicks, claim.tokens - tokens)
  }

  undo(claim: Claim): void {
    if (claim.takenTicks === undefined) return
    if (this.#isTokens) this.#ended(claim)
    this.counter.window.takeBack(claim.takenTicks, this.#amountOf(claim))
  }

  /** The counter may be another one than the claim was taken of, where nothing was counted for a while. */
  #ended({ tokens }: Claim): void {
    this.counter.running = Math.max(this.counter.running - tokens, 0)
  }

  left(nowTicks: number): number {
    return Math.max(this.rule.limit - this.counter.window.total(nowTicks), 0)
  }

  #amountOf({ tokens }: Claim): number {
    return this.#isTokens ? tokens : 1
  }
}

export class SpendBound {
  readonly rule: SpendRule
  readonly counter: SpendCounter
  readonly #now: Now
  /** Where in a chain its account stands. */
  readonly #level: number

  constructor(rule: SpendRule, counter: SpendCounter, now: Now) {
    this.rule = rule
    this.counter = counter
    this.#now = now
    this.#level = rule.subject.kind === 'above' ? rule.subject.level : 0
  }

  fits({ spend }: Claim): boolean {
    const amount = this.#amountOf(spend)
    return this.counter.spending.total(this.#now.nowMs()) + amount <= this.rule.limit
  }

  waitMs(claim: Claim): number {
    const spend = this.#amountOf(claim.spend)
    if (spend > this.rule.limit) return Infinity
    const { spending } = this.counter
    const nowMs = this.#now.nowMs()
    return spending.spent(nowMs) + spend <= this.rule.limit ? RUNNING_MS : spending.endsIn(nowMs)
  }

  take({ spend }: Claim): void {
    this.counter.spending.hold(this.#amountOf(spend))
  }

  settle({ spend }: Claim, cost: Spend): void {
    this.counter.settle(this.#amountOf(spend), this.#amountOf(cost), this.#now.nowMs())
  }

  left(): MicroCredits {
    const left = this.rule.limit - this.counter.spending.total(this.#now.nowMs())
    return (left > 0n ? left : 0n) as MicroCredits
  }

  #amountOf(spend: Spend): MicroCredits {
    return typeof spend === 'bigint' ? spend : (spend[this.#level] ?? ZERO)
  }
}
