import type { MicroCredits } from '../domain/money.ts'
import type { Continued } from '../ports/provider.ts'
import type { AttemptTrace } from '../ports/traces.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import { Answer, type AnswerSettings } from './answer.ts'
import type { House } from './house.ts'
import type { Rounds } from './rounds.ts'
import type { Turn } from './turns.ts'

export type Beginning = Readonly<{
  admitted: Admitted
  reply: Reply
  rounds: Rounds
  turn: Turn
  /** Output tokens that may still come; absent: as planned. */
  capMax?: number
  continued?: Continued
  /** What the charge would be if the gateway died now. */
  costSoFar?: MicroCredits
}>

/** Sends the request to the deployment whose turn it is. */
export function beginAnswer(house: House, beginning: Beginning): Answer {
  const { admitted, reply, rounds, turn } = beginning
  const { candidate, ticket } = turn
  const { deployment, model } = candidate
  const { request, requestId, plan } = admitted
  const trace = house.traces?.attempt(requestId, deployment)
  const answer = new Answer({
    requestId,
    account: admitted.key.account,
    ticksMs: house.clock.ticksMs,
    timeouts: deployment.timeouts,
    isStream: request.stream,
    onAccepted: () => {
      house.ledger.progress(requestId, beginning.costSoFar ?? plan.inputCost)
    },
    ticket: trace === undefined ? ticket : traced(ticket, trace),
  })
  rounds.add(answer)
  reply.onGone(() => {
    if (!answer.isVisible) answer.leave()
  })
  if (rounds.isHurrying) {
    answer.hurry() // it waited for its turn, which comes too late
    return answer
  }
  const provider = house.providers(deployment.provider)
  if (provider === undefined) {
    answer.fail({ kind: 'misrouted', detail: `the provider ${deployment.provider} is off` })
    return answer
  }
  const cap = Math.min(plan.cap, model.maxOutput, beginning.capMax ?? Infinity)
  const { continued } = beginning
  const traceparent = trace?.traceparent
  try {
    answer.runs(
      provider.send({ request, deployment, cap, requestId, continued, traceparent }, answer),
    )
  } catch (error) {
    rounds.remove(answer) // a body that cannot be written, say
    answer.leave()
    throw error
  }
  return answer
}

/** The attempt's end is the end of its trace, too. */
const traced = (
  ticket: AnswerSettings['ticket'],
  trace: AttemptTrace,
): AnswerSettings['ticket'] => ({
  ended(result) {
    trace.ended(result.fault?.kind, result.firstByteMs)
    ticket.ended(result)
  },
})
