import { least, MICRO_MAX, minus, plus, ZERO, type MicroCredits } from './money.ts'

/** Credit paid in, and the part of it promised to requests still in flight. */
export type Credit = Readonly<{ balance: MicroCredits; held: MicroCredits }>

export const NO_CREDIT: Credit = { balance: ZERO, held: ZERO }

export const available = (credit: Credit): MicroCredits => minus(credit.balance, credit.held)

/** Promises credit before a call; undefined when what is free does not cover it. */
export function placeHold(credit: Credit, amount: MicroCredits): Credit | undefined {
  if (amount > available(credit)) return undefined
  return { balance: credit.balance, held: plus(credit.held, amount) }
}

export type Settlement = Readonly<{ credit: Credit; charged: MicroCredits; overrun: MicroCredits }>

/**
 * Ends a hold with what the call cost. The account pays at most its hold and what is free; the rest is the operator's
 * overrun, so that a balance never falls below zero, nor below what other requests were promised.
 */
export function settleHold(credit: Credit, hold: MicroCredits, cost: MicroCredits): Settlement {
  const charged = least(cost, plus(hold, available(credit)))
  return {
    credit: { balance: minus(credit.balance, charged), held: minus(credit.held, hold) },
    charged,
    overrun: minus(cost, charged),
  }
}

/** Pays credit in; undefined when the balance would leave the range that is counted. */
export function addCredit({ balance, held }: Credit, amount: MicroCredits): Credit | undefined {
  const more = plus(balance, amount)
  return more > MICRO_MAX ? undefined : { balance: more, held }
}

/** Takes credit out; undefined when less is free. What requests in flight were promised is not touched. */
export function takeCredit(credit: Credit, amount: MicroCredits): Credit | undefined {
  if (amount > available(credit)) return undefined
  return { balance: minus(credit.balance, amount), held: credit.held }
}

/** By an amount with a sign. */
export const adjustCredit = (credit: Credit, amount: MicroCredits): Credit | undefined =>
  amount < 0n ? takeCredit(credit, minus(ZERO, amount)) : addCredit(credit, amount)

/** Account names are what people type and read in receipts, so they are also the ids. */
export const ACCOUNT_NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/

/** Pays what no account can be asked for: overruns, and answers cut short by a provider. */
export const OPERATOR = 'operator'
