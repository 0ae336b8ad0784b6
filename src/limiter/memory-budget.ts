import type { Rule } from '../domain/limit-rule.ts'
import { ZERO } from '../domain/money.ts'
import type {
  Budget,
  Claim,
  Refusal,
  RuleState,
  Spend,
  Standing,
  Verdict,
} from '../ports/limiter.ts'
import { RateBound, type Bound } from './counters.ts'
import type { MemoryLimiter } from './memory.ts'

/** Some rules over counters in memory. Looking and taking are one step, so the limits are exact. */
export class MemoryBudget implements Budget {
  readonly #limiter: MemoryLimiter
  readonly #rules: readonly Rule[]
  #bounds: readonly Bound[] = []
  #epoch = -1
  #isReady = false

  constructor(limiter: MemoryLimiter, rules: readonly Rule[]) {
    this.#limiter = limiter
    this.#rules = rules
  }

  take(claim: Claim): Verdict | Promise<Verdict> {
    const bounds = this.#bind()
    if (!this.#isReady && !this.#becameReady()) return this.#takeLater(claim)
    const nowTicks = this.#limiter.clock.ticksMs()
    for (const bound of bounds) {
      if (!bound.fits(claim, nowTicks)) return this.#refuse(claim, nowTicks)
    }
    for (const bound of bounds) bound.take(claim, nowTicks)
    claim.takenTicks = nowTicks
    return verdictOf(bounds, nowTicks)
  }

  settle(claim: Claim, tokens: number, cost: Spend): void {
    if (claim.takenTicks === undefined) return
    const nowTicks = this.#limiter.clock.ticksMs()
    for (const bound of this.#bind()) {
      if (bound instanceof RateBound) bound.settle(claim, tokens, nowTicks)
      else bound.settle(claim, cost)
    }
    claim.takenTicks = undefined
  }

  undo(claim: Claim): void {
    if (claim.takenTicks === undefined) return
    for (const bound of this.#bind()) {
      if (bound instanceof RateBound) bound.undo(claim)
      else bound.settle(claim, ZERO)
    }
    claim.takenTicks = undefined
  }

  async state(): Promise<readonly RuleState[]> {
    if (!this.#becameReady()) await this.#limiter.ready(this.#bind())
    const { clock } = this.#limiter
    const nowTicks = clock.ticksMs()
    return this.#bind().map((bound): RuleState => {
      const { rule } = bound
      if (bound instanceof RateBound) {
        const { window } = bound.counter
        const used = window.total(nowTicks)
        return { rule, used, left: bound.left(nowTicks), resetMs: window.fallsTo(0, nowTicks) }
      }
      const { spending } = bound.counter
      const used = spending.total(clock.nowMs())
      return { rule, used, left: bound.left(), resetMs: spending.endsIn(clock.nowMs()) }
    })
  }

  async #takeLater(claim: Claim): Promise<Verdict> {
    await this.#limiter.ready(this.#bounds)
    return this.take(claim)
  }

  #bind(): readonly Bound[] {
    if (this.#epoch === this.#limiter.epoch) return this.#bounds
    this.#limiter.sweep()
    this.#epoch = this.#limiter.epoch
    this.#bounds = this.#rules.map((rule) => this.#limiter.bind(rule))
    this.#isReady = false
    return this.#bounds
  }

  #becameReady(): boolean {
    this.#isReady = this.#bind().every(({ counter }) => counter.isReady)
    return this.#isReady
  }

  #refuse(claim: Claim, nowTicks: number): Verdict {
    let refusal: Refusal | undefined
    for (const bound of this.#bounds) {
      if (bound.fits(claim, nowTicks)) continue
      const waitMs = bound.waitMs(claim, nowTicks)
      if (refusal !== undefined && waitMs <= refusal.waitMs) continue
      refusal = { rule: bound.rule, left: bound.left(nowTicks), waitMs }
    }
    const verdict = verdictOf(this.#bounds, nowTicks)
    const standing = refusal && standingOf(refusal)
    if (standing === undefined) return { ...verdict, refusal }
    return refusal?.rule.of === 'tokens'
      ? { ...verdict, refusal, tokens: standing }
      : { ...verdict, refusal, requests: standing }
  }
}

function verdictOf(bounds: readonly Bound[], nowTicks: number): Verdict {
  let requests: Standing | undefined
  let tokens: Standing | undefined
  for (const bound of bounds) {
    if (!(bound instanceof RateBound) || bound.isAbove) continue
    const { rule } = bound
    const before = rule.of === 'tokens' ? tokens : requests
    const left = bound.left(nowTicks)
    if (before !== undefined && before.left <= left) continue
    // What was taken just now is the last to be forgotten.
    const standing = { limit: rule.limit, left, resetMs: rule.windowMs }
    if (rule.of === 'tokens') tokens = standing
    else requests = standing
  }
  return { refusal: undefined, requests, tokens }
}

/** What the caller is told of the rule that refused: when it would have let this request pass. */
function standingOf({ rule, left, waitMs }: Refusal): Standing | undefined {
  if (rule.of === 'spend' || rule.subject.kind === 'above') return undefined
  const resetMs = waitMs === Infinity ? rule.windowMs : waitMs
  return { limit: rule.limit, left: Number(left), resetMs }
}
