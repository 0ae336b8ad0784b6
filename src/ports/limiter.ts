import type { Rule } from '../domain/limit-rule.ts'
import type { MicroCredits } from '../domain/money.ts'

/** An amount; where accounts are above the one that asks, what it is to each of them, the one that asks first. */
export type Spend = MicroCredits | readonly MicroCredits[]

/** What a request needs: itself, and at most so many tokens and so much credit. */
export type Claim = {
  readonly tokens: number
  readonly spend: Spend
  /** When it was taken; undefined while it is not, and once it is settled. */
  takenTicks: number | undefined
}

/** How much is left of a limit, and when all of it will be. */
export type Standing = Readonly<{ limit: number; left: number; resetMs: number }>

/** To wait for what runs: nobody knows when it is over, and how much of its hold it leaves. */
export const RUNNING_MS = 1_000

/** The rule that a request does not fit into, of several the one that it waits for longest. */
export type Refusal = Readonly<{
  rule: Rule
  left: number | MicroCredits
  /** When it would fit: Infinity, if never. */
  waitMs: number
}>

/** Whether all of it was taken, and how the limits stand now. */
export type Verdict = Readonly<{
  /** With one, nothing was taken. */
  refusal: Refusal | undefined
  /** Of the rules over requests, and of those over tokens, the one with the least left; without those of accounts above. */
  requests: Standing | undefined
  tokens: Standing | undefined
}>

/** How one rule stands: what was used may be more than its limit, which may have been lowered since. */
export type RuleState = Readonly<{
  rule: Rule
  used: number | MicroCredits
  left: number | MicroCredits
  resetMs: number
}>

/** The counters of some rules, to be asked for each request. */
export interface Budget {
  /** All rules or none, in one step. At once, unless the counters are elsewhere or have to be looked up first. */
  take(claim: Claim): Verdict | Promise<Verdict>
  /** The claim has used this much, and not more nor less. Settling it again does nothing. */
  settle(claim: Claim, tokens: number, cost: Spend): void
  /** The claim was not made use of: as if it had never been. */
  undo(claim: Claim): void
  state(): readonly RuleState[] | Promise<readonly RuleState[]>
}

/** Part of a charge, which is not spent any more. */
export type GivenBack = Readonly<{ amount: MicroCredits; spentMs: number }>

/** Counts who had how much. The same rules lead to the same counters, whoever asks. */
export interface Limiter {
  budget(rules: readonly Rule[]): Budget
  /** Somebody is let in whom no rule of these names counts: should there be one again, it has to look up what was meanwhile. */
  lapse(names: readonly string[]): void
  /** Under the names of rules over spending, whether there are such rules or not. */
  giveBack(names: readonly string[], given: GivenBack): void
}
