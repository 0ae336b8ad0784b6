// Where the operator wants it, a second deployment is asked when the first token of the first is late. Whose token comes
// first answers; the other one is cancelled, and what it may cost is the operator's.
import type { AttemptRecord } from '../domain/entry.ts'
import type { Hedge } from '../domain/hedge.ts'
import { likelyPrompt, priceAt } from '../domain/hold.ts'
import { costOf } from '../domain/price.ts'
import type { Candidate } from '../domain/route.ts'
import { textUsage } from '../domain/usage.ts'
import type { HedgeResult } from '../ports/events.ts'
import type { Admitted } from './admit.ts'
import type { Ending } from './answer.ts'
import { recordOf, type Attempting, type Run } from './attempt.ts'
import { beginAnswer } from './begin-answer.ts'
import type { House } from './house.ts'
import type { Turn, Turns } from './turns.ts'

/** Who answers, or failed last; and before it in `attempts`, who did not. */
type Raced = Readonly<{ run: Run; ending: Ending | undefined }>

type Racing = Readonly<{
  attempting: Attempting
  hedge: Hedge
  first: Run
  turns: Pick<Turns, 'beside'>
  attempts: AttemptRecord[]
}>

export async function race(house: House, racing: Racing): Promise<Raced> {
  const { first, turns, hedge } = racing
  const { traffic } = house
  const started = first.answer.started()
  const { deployment } = first.candidate
  const afterMs = hedge.after === 'p95' ? traffic.lateMs(deployment) : hedge.after
  const isLate = afterMs !== undefined && (await isLateBy(house, started, afterMs))
  const turn = isLate ? turns.beside(first.candidate) : undefined
  const second = turn === undefined ? undefined : beginSecond(house, racing, turn)
  if (second === undefined) return { run: first, ending: await started }
  const [one, two] = [named(first, started), named(second, second.answer.started())]
  const raced = await Promise.race([one, two])
  const isFirst = raced.run === first
  if (raced.ending?.kind === 'fault') {
    drop(house, racing, { run: raced.run, ending: raced.ending })
    const rest = await (isFirst ? two : one)
    house.events.hedged(first.candidate.model.id, resultOf(rest, !isFirst))
    return rest
  }
  const outrun = isFirst ? second : first
  outrun.answer.leave()
  if (!isFirst) traffic.late(deployment, house.clock.ticksMs() - first.startedTicks)
  drop(house, racing, { run: outrun, ending: undefined })
  house.events.hedged(first.candidate.model.id, resultOf(raced, isFirst))
  return raced
}

/** What keeps the second one from being asked must not take the first one from its caller. */
function beginSecond(house: House, { attempting }: Racing, turn: Turn): Run | undefined {
  const { admitted, reply, rounds } = attempting
  const startedTicks = house.clock.ticksMs()
  try {
    const answer = beginAnswer(house, { admitted, reply, rounds, turn })
    return { candidate: turn.candidate, answer, startedTicks }
  } catch (error) {
    house.events.bug({ where: 'hedge', requestId: admitted.requestId, error })
    return undefined
  }
}

function resultOf({ ending }: Raced, isFirst: boolean): HedgeResult {
  if (ending?.kind === 'fault') return 'failed'
  if (ending?.kind === 'gone' || ending?.kind === 'cancelled') return 'left'
  return isFirst ? 'lost' : 'won'
}

/** Whether so much time passes before it has come to anything. */
async function isLateBy(
  { clock }: House,
  started: Promise<unknown>,
  afterMs: number,
): Promise<boolean> {
  let stop: () => void = () => undefined
  const late = new Promise<true>((resolve) => {
    stop = clock.after(afterMs, () => {
      resolve(true)
    })
  })
  const isLate = await Promise.race([late, started])
  stop()
  return isLate === true
}

const named = async (run: Run, started: Promise<Ending | undefined>): Promise<Raced> => ({
  run,
  ending: await started,
})

/** It failed, or came second. */
function drop(house: House, { attempting, attempts }: Racing, { run, ending }: Raced): void {
  const { admitted, rounds } = attempting
  const { candidate, answer, startedTicks } = run
  const fault = ending?.kind === 'fault' ? ending.fault : undefined
  const record = recordOf(candidate, fault, house.clock.ticksMs() - startedTicks)
  rounds.remove(answer)
  if (fault === undefined) {
    const cost = answer.wasAccepted ? { cost: promptCost(admitted, candidate) } : {}
    attempts.push({ ...record, fault: 'outrun', ...cost })
    return
  }
  attempts.push(record)
  const { requestId } = admitted
  house.events.attemptFailed({ requestId, attempt: record, detail: fault.detail })
}

const promptCost = (admitted: Admitted, candidate: Candidate): string =>
  costOf(
    textUsage(likelyPrompt(admitted), 0),
    priceAt(candidate, admitted.request.serviceTier),
  ).toString()
