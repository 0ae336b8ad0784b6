import type { AttemptRecord } from '../domain/entry.ts'
import { movesOn, type Fault } from '../domain/fault.ts'
import type { Candidate } from '../domain/route.ts'
import type { StreamHead } from '../ports/provider.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import type { Answer } from './answer.ts'
import { beginAnswer } from './begin-answer.ts'
import type { BrokenOff } from './go-on.ts'
import type { House } from './house.ts'
import { race } from './race.ts'
import type { Rounds } from './rounds.ts'
import { Turns, type Turn } from './turns.ts'

/** The attempt that answered, or the last one that did not. */
export type Attempted = Readonly<{
  answer: Answer
  /** Whose answer it is, for its price and its name. */
  candidate: Candidate
  /** Who was asked last: another one, where an answer that broke off goes on. */
  asked: Candidate
  attempts: readonly AttemptRecord[]
  /** Why there is no answer; undefined when there is one, or the caller left. */
  fault: Fault | undefined
  /** From the arrival of the request to the first visible token, or the whole answer. */
  firstByteMs: number | undefined
  turns: Turns
  /** What came before `answer`, where that goes on with it; and what stands in all chunks. */
  broken?: BrokenOff
  head?: StreamHead
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
  const taken = turns.first()
  let turn = taken instanceof Promise ? await taken : taken
  for (;;) {
    const startedTicks = clock.ticksMs()
    const begun = beginAnswer(house, { admitted, reply, rounds, turn })
    const first = { candidate: turn.candidate, answer: begun, startedTicks }
    const { hedge } = turn.candidate.model
    const { run, ending } =
      hedge === undefined || !admitted.request.stream
        ? { run: first, ending: await begun.started() }
        : await race(house, { attempting, hedge, first, turns, attempts })
    const { candidate, answer } = run
    const fault = ending?.kind === 'fault' ? ending.fault : undefined
    const record = recordOf(candidate, fault, clock.ticksMs() - run.startedTicks)
    attempts.push(record)
    const firstByteMs = fault === undefined ? clock.ticksMs() - admitted.startedTicks : undefined
    const asked = candidate
    const attempted = { answer, candidate, asked, attempts, fault, firstByteMs, turns }
    if (fault === undefined) return attempted
    house.events.attemptFailed({
      requestId: admitted.requestId,
      attempt: record,
      detail: fault.detail,
    })
    let next: Turn | undefined
    try {
      if (movesOn(fault) && !reply.isGone && !rounds.isHurrying)
        next = await turns.after({ candidate, fault, answer })
    } finally {
      rounds.remove(answer) // only now: who cancels in between finds it
    }
    if (next === undefined) return attempted
    turn = next
  }
}

export function recordOf(
  candidate: Candidate,
  fault: Fault | undefined,
  ms: number,
): AttemptRecord {
  const deployment = candidate.deployment.id
  const rounded = Math.round(ms * 100) / 100
  if (fault === undefined) return { deployment, ms: rounded }
  const { kind, status } = fault
  return { deployment, fault: kind, ...(status !== undefined && { status }), ms: rounded }
}
