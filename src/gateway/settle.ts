import { ZERO, type MicroCredits } from '../domain/money.ts'
import { chargeFor, type Outcome } from '../domain/outcome.ts'
import { allTokens } from '../domain/usage.ts'
import type { Admitted } from './admit.ts'
import type { Ending } from './answer.ts'
import type { Attempted } from './attempt.ts'
import type { House } from './house.ts'
import { meterInput, meterNothing, meterUsage, type Metered } from './meter.ts'

export type Settled = Readonly<{
  outcome: Outcome
  metered: Metered
  charged: MicroCredits
  balance: MicroCredits
  totalMs: number
}>

export type Ended = Readonly<{ admitted: Admitted; attempted: Attempted; ending: Ending }>

/** Ends the hold by the Outcomes table; durable before it resolves. */
export function settle(house: House, ended: Ended): Promise<Settled> {
  const outcome = outcomeOf(ended)
  const { outcomes } = house.catalog.settings()
  // An attempt that had failed before its caller cancelled costs them nothing, as all that fail.
  const wasAccepted = ended.attempted.fault === undefined && ended.attempted.answer.wasAccepted
  const charge = chargeFor(outcome, wasAccepted, outcomes)
  const payer = charge.of === 'nothing' ? 'account' : charge.payer
  const metered = meter(house, ended, charge.of)
  return metered instanceof Promise
    ? metered.then((later) => settleMetered(house, ended, { outcome, payer, metered: later }))
    : settleMetered(house, ended, { outcome, payer, metered })
}

type Due = Readonly<{ outcome: Outcome; payer: 'account' | 'operator'; metered: Metered }>

function settleMetered(house: House, ended: Ended, due: Due): Promise<Settled> {
  const { admitted, attempted } = ended
  const { outcome, payer, metered } = due
  const totalMs = house.clock.ticksMs() - admitted.startedTicks
  const settling = house.ledger.settle({
    id: admitted.requestId,
    cost: metered.cost,
    payer,
    outcome,
    usage: metered.usage,
    price: metered.price,
    model: attempted.candidate.model.id,
    deployment: attempted.candidate.deployment.id,
    isEstimated: metered.isEstimated,
    isStream: admitted.request.stream,
    attempts: attempted.attempts,
    startedAt: admitted.startedAt,
    firstByteMs: attempted.firstByteMs,
    totalMs,
  })
  return settling.then((answer) => {
    const isSettled = answer.kind === 'settled'
    const charged = isSettled ? answer.charged : ZERO
    const balance = isSettled ? answer.balance : ZERO
    admitted.claim?.settle(allTokens(metered.usage), (isSettled && answer.charges) || charged)
    return { outcome, metered, charged, balance, totalMs }
  })
}

function meter(
  house: House,
  ended: Ended,
  of: 'nothing' | 'input' | 'usage',
): Metered | Promise<Metered> {
  if (of === 'nothing') return meterNothing(ended)
  return of === 'input' ? meterInput(house, ended) : meterUsage(house, ended)
}

function outcomeOf({ attempted, ending }: Ended): Outcome {
  const isVisible = attempted.answer.isVisible || attempted.broken !== undefined
  if (ending.kind === 'finished') return 'finished'
  if (ending.kind === 'gone' || ending.kind === 'cancelled') {
    return isVisible ? 'aborted' : 'aborted_early'
  }
  if (isVisible) return ending.fault.isCallers === true ? 'aborted' : 'cut'
  return ending.fault.kind === 'empty' ? 'empty' : 'failed'
}

/** What the log and the metrics want to know. Who gets an answer has it by then. */
export function tellEnd(house: House, { admitted, attempted }: Ended, settled: Settled): void {
  const { outcome, metered, charged, totalMs } = settled
  house.events.requestEnded({
    requestId: admitted.requestId,
    account: admitted.key.account,
    key: admitted.key.id,
    model: admitted.route.model.id,
    answeringModel: attempted.candidate.model.id,
    deployment: attempted.candidate.deployment.id,
    attempts: attempted.attempts,
    outcome,
    usage: metered.usage,
    isEstimated: metered.isEstimated,
    isStream: admitted.request.stream,
    cost: metered.cost,
    charged,
    firstByteMs: attempted.firstByteMs,
    totalMs,
  })
}
