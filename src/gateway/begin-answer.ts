import type { MicroCredits } from '../domain/money.ts'
import type { Continued } from '../ports/provider.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import { Answer } from './answer.ts'
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
  const answer = new Answer({
    requestId,
    account: admitted.key.account,
    ticksMs: house.clock.ticksMs,
    timeouts: deployment.timeouts,
    isStream: request.stream,
    onAccepted: () => {
      house.ledger.progress(requestId, beginning.costSoFar ?? plan.inputCost)
    },
    ticket,
  })
  rounds.add(answer)
  reply.onGone(() => {
    if (!answer.isVisible) answer.leave()
  })
  const provider = house.providers(deployment.provider)
  if (provider === undefined) {
    answer.fail({ kind: 'misrouted', detail: `the provider ${deployment.provider} is off` })
    return answer
  }
  const cap = Math.min(plan.cap, model.maxOutput, beginning.capMax ?? Infinity)
  const { continued } = beginning
  try {
    answer.runs(provider.send({ request, deployment, cap, requestId, continued }, answer))
  } catch (error) {
    rounds.remove(answer) // a body that cannot be written, say
    answer.leave()
    throw error
  }
  return answer
}
