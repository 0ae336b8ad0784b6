import { Failure } from '../domain/failure.ts'
import { lineOf, type KeyRecord } from '../domain/key.ts'
import { spendNames, type Rule } from '../domain/limit-rule.ts'
import type { Model } from '../domain/model.ts'
import { ZERO } from '../domain/money.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Keys } from '../ports/keys.ts'
import type { Refunded } from '../ports/ledger.ts'
import type { Budget, Claim, RuleState, Spend, Verdict } from '../ports/limiter.ts'
import type { Reply } from '../ports/reply.ts'
import { Allowances, modelRules, type Allowance, type AllowanceNeeds } from './allowance.ts'
import { limitHeaders } from './limit-headers.ts'
import { limitRefusal } from './limit-refusal.ts'

export type LimitsNeeds = AllowanceNeeds &
  Readonly<{
    clock: Pick<Clock, 'nowMs' | 'ticksMs'>
    events: Pick<Events, 'problem'>
    keys: Pick<Keys, 'withId'>
  }>

type Announcing = Pick<Reply, 'announce'>
type Wanted = Readonly<{ tokens: number; spend: Spend; reply: Announcing }>

/** Trouble with the limiter is told at most so often. */
const TELL_EVERY_MS = 10_000

/** Who may have how much, over a limiter that counts. */
export class Limits {
  readonly #needs: LimitsNeeds
  readonly #allowances: Allowances
  readonly #headers = limitHeaders()
  #nextTellTicks = -Infinity

  constructor(needs: LimitsNeeds) {
    this.#needs = needs
    this.#allowances = new Allowances(needs)
  }

  allowanceOf(key: KeyRecord): Allowance {
    return this.#allowances.of(key)
  }

  /** Undefined: nothing that the key does with this model is limited. */
  budgetFor(key: KeyRecord, model: Model): Budget | undefined {
    return this.#allowances.budgetFor(this.#allowances.of(key), model)
  }

  /** Takes what a request needs at most, or throws the refusal. The caller is told how the limits stand either way. */
  claim(budget: Budget, { tokens, spend, reply }: Wanted): LimitClaim | Promise<LimitClaim> {
    const claim = new LimitClaim(this, budget, { tokens, spend })
    let verdict: Verdict | Promise<Verdict>
    try {
      verdict = budget.take(claim)
    } catch (error) {
      return this.#unlimited(claim, error)
    }
    if (verdict instanceof Promise) return this.#claimLater(claim, verdict, reply)
    return this.#decide(claim, verdict, reply)
  }

  /** The same of a request that takes neither tokens nor credit. Undefined: nothing limits it. */
  async claimRequest(
    key: KeyRecord,
    more: readonly Rule[],
    reply: Announcing,
  ): Promise<LimitClaim | undefined> {
    const { rules, budget } = this.#allowances.of(key)
    const whole = more.length === 0 ? budget : this.#needs.limiter.budget([...rules, ...more])
    return whole && (await this.claim(whole, { tokens: 0, spend: ZERO, reply }))
  }

  /** How each limit of the key and its account stands; without those that cannot be counted at this moment. */
  states(key: KeyRecord): Promise<readonly RuleState[]> {
    return this.#statesOf(this.#allowances.of(key).budget)
  }

  /** The same of a model, for all its callers. */
  modelStates(model: Model): Promise<readonly RuleState[]> {
    return this.#statesOf(this.#needs.limiter.budget(modelRules(model)))
  }

  /** What was given back may be spent again, as long as the day, the week or the month of its charge lasts. */
  giveBack({ shares, key, chargedAt: spentMs }: Refunded): void {
    const { limiter, keys } = this.#needs
    const record = keys.withId(key)
    const line = record === undefined ? key : lineOf(record)
    for (const [level, { account, amount }] of shares.entries()) {
      const zone = this.#allowances.zoneOf(account)
      limiter.giveBack(spendNames({ kind: 'account', id: account }, zone), { amount, spentMs })
      if (level === 0)
        limiter.giveBack(spendNames({ kind: 'key', id: line }, zone), { amount, spentMs })
    }
  }

  async #statesOf(budget: Budget | undefined): Promise<readonly RuleState[]> {
    try {
      return (await budget?.state()) ?? []
    } catch (error) {
      this.tellTrouble(error)
      return []
    }
  }

  /** Never thrown at whoever settles: the money comes first. */
  tellTrouble(error: unknown): void {
    const { clock, events } = this.#needs
    if (clock.ticksMs() < this.#nextTellTicks) return
    this.#nextTellTicks = clock.ticksMs() + TELL_EVERY_MS
    events.problem('the limits cannot be counted', { error })
  }

  async #claimLater(
    claim: LimitClaim,
    later: Promise<Verdict>,
    reply: Announcing,
  ): Promise<LimitClaim> {
    let verdict: Verdict
    try {
      verdict = await later
    } catch (error) {
      return this.#unlimited(claim, error)
    }
    return this.#decide(claim, verdict, reply)
  }

  #decide(claim: LimitClaim, verdict: Verdict, reply: Announcing): LimitClaim {
    reply.announce(this.#headers(verdict, this.#needs.clock.nowMs()))
    if (verdict.refusal !== undefined) throw limitRefusal(verdict.refusal, claim)
    return claim
  }

  /** Nobody knows whether it fits: the operator has said what then. */
  #unlimited(claim: LimitClaim, error: unknown): LimitClaim {
    this.tellTrouble(error)
    if (this.#needs.catalog.settings().limiterFailure === 'allow') return claim
    throw new Failure(
      'overloaded',
      'The gateway cannot count requests at this moment. Try again shortly.',
      { retryAfterMs: 2_000, cause: error },
    )
  }
}

/** What a request was given of its limits: settled with what it used, or undone. */
export class LimitClaim implements Claim {
  readonly tokens: number
  readonly spend: Spend
  takenTicks: number | undefined
  readonly #limits: Limits
  readonly #budget: Budget

  constructor(limits: Limits, budget: Budget, { tokens, spend }: Pick<Claim, 'tokens' | 'spend'>) {
    this.tokens = tokens
    this.spend = spend
    this.takenTicks = undefined
    this.#limits = limits
    this.#budget = budget
  }

  /** Settled twice, it was settled once. */
  settle(tokens: number, cost: Spend): void {
    try {
      this.#budget.settle(this, tokens, cost)
    } catch (error) {
      this.#limits.tellTrouble(error)
    }
  }

  /** It came to nothing. */
  undo(): void {
    try {
      this.#budget.undo(this)
    } catch (error) {
      this.#limits.tellTrouble(error)
    }
  }

  /** It went out, and there is nothing to pay for. */
  settleUnused(): void {
    this.settle(0, ZERO)
  }
}
