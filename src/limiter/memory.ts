import { MINUTE_MS, type Rule } from '../domain/limit-rule.ts'
import type { UsageBook } from '../ports/usage.ts'
import type { Budget, GivenBack, Limiter } from '../ports/limiter.ts'
import { RateBound, RateCounter, SpendBound, SpendCounter } from './counters.ts'
import type { Bound, Counter, CounterNeeds, Now } from './counters.ts'
import { MemoryBudget } from './memory-budget.ts'
import { lookUpPast } from './past.ts'

export type MemoryLimiterNeeds = CounterNeeds &
  Readonly<{
    /** What was used before the counters began, so that a restart forgets neither a day nor what was spent. */
    usage: Pick<UsageBook, 'sum'>
  }>

const SWEEP_EVERY_MS = 60_000
/** Of those who have not said who they are; beyond it the first who came are forgotten. */
const ADDRESSES_MAX = 50_000

/** Counters in this process. Those with nothing in them are dropped again. */
export class MemoryLimiter implements Limiter {
  readonly #needs: MemoryLimiterNeeds
  readonly #counters = new Map<string, Counter>()
  readonly #addresses = new Map<string, Counter>()
  #nextSweepTicks = 0
  /** One look into the past after the other: they are not what the disk is for. */
  #lookingUp: Promise<void> = Promise.resolve()
  /** Grows when counters were dropped: who still has some of them looks them up anew. */
  epoch = 0

  constructor(needs: MemoryLimiterNeeds) {
    this.#needs = needs
  }

  get clock(): Now {
    return this.#needs.clock
  }

  /** How many counters there are. */
  get size(): number {
    return this.#counters.size + this.#addresses.size
  }

  budget(rules: readonly Rule[]): Budget {
    return new MemoryBudget(this, rules)
  }

  lapse(names: readonly string[]): void {
    for (const name of names) this.#counters.get(name)?.lapse()
  }

  giveBack(names: readonly string[], given: GivenBack): void {
    for (const name of names) {
      const counter = this.#counters.get(name)
      if (counter instanceof SpendCounter) counter.giveBack(given, this.clock)
    }
  }

  /** Before counters are looked up, which is when there may be more of them; not between two of one budget. */
  sweep(): void {
    const { clock } = this.#needs
    if (clock.ticksMs() < this.#nextSweepTicks) return
    this.#nextSweepTicks = clock.ticksMs() + SWEEP_EVERY_MS
    dropIdle(this.#addresses, clock)
    if (dropIdle(this.#counters, clock) > 0) this.epoch++
  }

  bind(rule: Rule): Bound {
    const { clock } = this.#needs
    const counter = this.#find(rule)
    if (rule.of === 'spend' && counter instanceof SpendCounter) {
      return new SpendBound(rule, counter, clock)
    }
    if (rule.of !== 'spend' && counter instanceof RateCounter) return new RateBound(rule, counter)
    throw new Error(`two rules of different kinds have the name ${rule.name}`)
  }

  /** Resolves when all of them know what was before them. */
  async ready(bounds: readonly Bound[]): Promise<void> {
    for (const bound of bounds) {
      const mine = this.#lookingUp.then(() => this.#lookUp(bound))
      this.#lookingUp = mine.catch(() => undefined) // whoever asked is told, and the next one is not concerned
      await mine
    }
  }

  async #lookUp(bound: Bound): Promise<void> {
    if (!bound.counter.isReady) await lookUpPast(this.#needs, bound)
  }

  #find(rule: Rule): Counter {
    const counters = rule.subject.kind === 'address' ? this.#addresses : this.#counters
    const known = counters.get(rule.name)
    if (known !== undefined) return known
    if (counters === this.#addresses && counters.size >= ADDRESSES_MAX) {
      const [oldest = ''] = counters.keys()
      counters.delete(oldest)
    }
    const made = counterFor(rule, this.#needs)
    counters.set(rule.name, made)
    return made
  }
}

/** A minute is not looked up: nobody can make the gateway start again to get another one. */
const counterFor = (rule: Rule, needs: CounterNeeds): Counter =>
  rule.of === 'spend'
    ? new SpendCounter(rule, needs)
    : new RateCounter(rule.windowMs, rule.windowMs <= MINUTE_MS)

function dropIdle(counters: Map<string, Counter>, clock: Now): number {
  const before = counters.size
  for (const [name, counter] of counters) if (counter.isIdle(clock)) counters.delete(name)
  return before - counters.size
}
