import type { AttemptRecord } from '../domain/entry.ts'
import { movesOn, type Fault } from '../domain/fault.ts'
import type { Candidate } from '../domain/route.ts'
import type { StreamHead } from '../ports/provider.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import type { Answer, Ending } from './answer.ts'
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
export function attempt(house: House, attempting: Attempting): Promise<Attempted> {
  const attempts = new Attempts(house, attempting)
  const turn = attempts.turns.first()
  return turn instanceof Promise ? turn.then((one) => attempts.ask(one)) : attempts.ask(turn)
}

/** An attempt that runs. */
export type Run = Readonly<{ candidate: Candidate; answer: Answer; startedTicks: number }>

/** Those of one request. */
class Attempts {
  readonly turns: Turns
  readonly #house: House
  readonly #attempting: Attempting
  #records: AttemptRecord[] | undefined

  constructor(house: House, attempting: Attempting) {
    this.turns = new Turns(house, attempting)
    this.#house = house
    this.#attempting = attempting
  }

  ask(turn: Turn): Promise<Attempted> {
    const { admitted, reply, rounds } = this.#attempting
    const startedTicks = this.#house.clock.ticksMs()
    const answer = beginAnswer(this.#house, { admitted, reply, rounds, turn })
    const first: Run = { candidate: turn.candidate, answer, startedTicks }
    const { hedge } = turn.candidate.model
    if (hedge === undefined || !admitted.request.stream)
      return answer.started().then((ending) => this.#came(first, ending))
    const { turns } = this
    const attempts = (this.#records ??= [])
    const racing = { attempting: this.#attempting, hedge, first, turns, attempts }
    return race(this.#house, racing).then(({ run, ending }) => this.#came(run, ending))
  }

  /** Its first visible token, its end, or that it failed. */
  #came(run: Run, ending: Ending | undefined): Attempted | Promise<Attempted> {
    const { clock, events } = this.#house
    const { requestId, startedTicks } = this.#attempting.admitted
    const { candidate, answer } = run
    const fault = ending?.kind === 'fault' ? ending.fault : undefined
    const now = clock.ticksMs()
    const attempt = recordOf(candidate, fault, now - run.startedTicks)
    if (this.#records === undefined) this.#records = [attempt]
    else this.#records.push(attempt)
    const firstByteMs = fault === undefined ? now - startedTicks : undefined
    const [asked, attempts, { turns }] = [candidate, this.#records, this]
    const attempted = { answer, candidate, asked, attempts, fault, firstByteMs, turns }
    if (fault === undefined) return attempted
    events.attemptFailed({ requestId, attempt, detail: fault.detail })
    return this.#goOn(attempted, fault)
  }

  async #goOn(failed: Attempted, fault: Fault): Promise<Attempted> {
    const { reply, rounds } = this.#attempting
    const { candidate, answer } = failed
    let next: Turn | undefined
    try {
      if (movesOn(fault) && !reply.isGone && !rounds.isHurrying)
        next = await this.turns.after({ candidate, fault, wasSent: answer.wasAccepted, answer })
    } finally {
      rounds.remove(answer) // only now: who cancels in between finds it
    }
    return next === undefined ? failed : await this.ask(next)
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
