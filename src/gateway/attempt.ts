import type { AttemptRecord } from '../domain/entry.ts'
import { movesOn, type Fault } from '../domain/fault.ts'
import type { Candidate } from '../domain/route.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import { Answer } from './answer.ts'
import type { House } from './house.ts'
import type { Rounds } from './rounds.ts'
import { Turns, type Turn } from './turns.ts'

/** The attempt that answered, or the last one that did not. */
export type Attempted = Readonly<{
  answer: Answer
  candidate: Candidate
  attempts: readonly AttemptRecord[]
  /** Why there is no answer; undefined when there is one, or the caller left. */
  fault: Fault | undefined
  /** From the arrival of the request to the first visible token, or the whole answer. */
  firstByteMs: number | undefined
}>

export type Attempting = Readonly<{
  admitted: Admitted
  reply: Reply
  candidates: readonly Candidate[]
  rounds: Rounds
}>

/** Calls one deployment after the other until a first visible token or a whole answer has come. */
export async function attempt(house: House, attempting: Attempting): Promise<Attempted> {
  const { admitted, reply, rounds } = attempting
  const { clock } = house
  const attempts: AttemptRecord[] = []
  const turns = new Turns(house, attempting)
  let turn = await turns.first()
  for (;;) {
    const { candidate } = turn
    const startedTicks = clock.ticksMs()
    const answer = start(house, attempting, turn)
    const ending = await answer.started()
    const fault = ending?.kind === 'fault' ? ending.fault : undefined
    const record = recordOf(candidate, fault, clock.ticksMs() - startedTicks)
    attempts.push(record)
    const firstByteMs = fault === undefined ? clock.ticksMs() - admitted.startedTicks : undefined
    const attempted = { answer, candidate, attempts, fault, firstByteMs }
    if (fault === undefined) return attempted
    rounds.remove(answer)
    house.events.attemptFailed({
      requestId: admitted.requestId,
      attempt: record,
      detail: fault.detail,
    })
    const next =
      movesOn(fault) && !reply.isGone && !rounds.isHurrying
        ? await turns.after({ candidate, fault })
        : undefined
    if (next === undefined) return attempted
    turn = next
  }
}

function start(
  house: House,
  { admitted, reply, rounds }: Attempting,
  { candidate, ticket }: Turn,
): Answer {
  const { deployment, model } = candidate
  const { request, requestId, plan } = admitted
  const answer = new Answer({
    requestId,
    account: admitted.key.account,
    ticksMs: house.clock.ticksMs,
    timeouts: deployment.timeouts,
    isStream: request.stream,
    onAccepted: () => {
      house.ledger.progress(requestId, plan.inputCost)
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
  const cap = Math.min(plan.cap, model.maxOutput)
  try {
    answer.runs(provider.send({ request, deployment, cap, requestId }, answer))
  } catch (error) {
    rounds.remove(answer) // a body that cannot be written, say
    answer.leave()
    throw error
  }
  return answer
}

function recordOf(candidate: Candidate, fault: Fault | undefined, ms: number): AttemptRecord {
  const deployment = candidate.deployment.id
  const rounded = Math.round(ms * 100) / 100
  if (fault === undefined) return { deployment, ms: rounded }
  const { kind, status } = fault
  return { deployment, fault: kind, ...(status !== undefined && { status }), ms: rounded }
}
