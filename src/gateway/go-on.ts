// A stream that broke off after its first token goes on at the next deployment of its model, where the operator wants it
// and both parts can be one answer.
import type { AttemptRecord } from '../domain/entry.ts'
import { likelyTokens } from '../domain/estimate.ts'
import { isContinuable } from '../domain/continuation.ts'
import { movesOn, type Fault } from '../domain/fault.ts'
import { CAP_MIN, likelyPrompt, priceAt } from '../domain/hold.ts'
import { costOf } from '../domain/price.ts'
import type { Candidate } from '../domain/route.ts'
import { textUsage } from '../domain/usage.ts'
import type { ContinuationResult } from '../ports/events.ts'
import type { StreamHead } from '../ports/provider.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import { recordOf, type Attempted } from './attempt.ts'
import { beginAnswer } from './begin-answer.ts'
import type { House } from './house.ts'
import { deliveredCost } from './meter.ts'
import type { Rounds } from './rounds.ts'
import type { Failed } from './waits.ts'

/** What came before the answer that runs now, from all that broke off. */
export type BrokenOff = Readonly<{
  text: string
  size: ReturnType<Attempted['answer']['delivered']>['size']
}>

type Cut = Readonly<{
  admitted: Admitted
  attempted: Attempted
  fault: Fault
  reply: Reply
  rounds: Rounds
}>

/** With another answer that goes on, or with the same one where there is none; and what was tried, in any case. */
export async function goOn(house: House, cut: Cut): Promise<Attempted> {
  const { admitted, attempted } = cut
  const broken = brokenOff(cut)
  const head = attempted.head ?? attempted.answer.head
  if (broken === undefined || head === undefined || isOutOfTime(house, cut)) return attempted
  const capMax = admitted.plan.cap - likelyTokens(broken.size)
  if (capMax < CAP_MIN) return attempted
  const next = await askOthers(house, cut, { broken, head, capMax })
  house.events.continued(attempted.candidate.model.id, resultOf(cut, next))
  return next
}

function resultOf({ attempted, reply }: Cut, next: Attempted): ContinuationResult {
  if (reply.isGone || next.answer.isStopped) return 'left'
  if (next.answer !== attempted.answer) return 'went_on'
  return next.attempts.length > attempted.attempts.length ? 'failed' : 'nobody'
}

type Rest = Readonly<{ broken: BrokenOff; head: StreamHead; capMax: number }>

async function askOthers(
  house: House,
  { admitted, attempted, fault, reply, rounds }: Cut,
  { broken, head, capMax }: Rest,
): Promise<Attempted> {
  const { turns, candidate } = attempted
  turns.keepTo(candidate.model)
  const attempts = attempted.attempts.slice()
  // What broke off stays on the rounds while nobody goes on with it: who cancels in between finds it.
  const { answer: before } = attempted
  let failed: Failed = { candidate: attempted.asked, fault, wasSent: true, answer: before }
  attempts.push(withFault(attempts.pop(), fault))
  for (;;) {
    const turn = rounds.isHurrying ? undefined : await turns.after(failed)
    if (turn === undefined) return { ...attempted, attempts }
    rounds.remove(before)
    const { candidate: asked } = turn
    const startedTicks = house.clock.ticksMs()
    const answer = beginAnswer(house, {
      ...{ admitted, reply, rounds, turn, capMax, continued: { text: broken.text, head } },
      costSoFar: deliveredCost(admitted, attempted),
    })
    const ending = await answer.started()
    const trouble = ending?.kind === 'fault' ? ending.fault : undefined
    const record = recordOf(asked, trouble, house.clock.ticksMs() - startedTicks)
    attempts.push(answer.wasAccepted ? withCost(record, { admitted, asked, broken }) : record)
    if (trouble === undefined) return { ...attempted, answer, asked, attempts, broken, head }
    rounds.remove(answer)
    rounds.add(before)
    const { requestId } = admitted
    house.events.attemptFailed({ requestId, attempt: record, detail: trouble.detail })
    if (!movesOn(trouble)) return { ...attempted, attempts }
    failed = { candidate: asked, fault: trouble, wasSent: answer.wasAccepted, answer: before }
  }
}

const isOutOfTime = ({ clock }: House, { admitted, attempted }: Cut): boolean =>
  clock.ticksMs() - admitted.startedTicks >= attempted.candidate.deployment.timeouts.totalMs

/** All that the caller has got; undefined where it is not to go on, or not known to be text alone. */
function brokenOff({ admitted, attempted, fault, reply }: Cut): BrokenOff | undefined {
  const { answer, candidate, broken } = attempted
  if (candidate.model.continuesCutStreams !== true || reply.isGone) return undefined
  if (!movesOn(fault) || !isContinuable(admitted.request)) return undefined
  if (!answer.isVisible) return broken
  const { text, size, isContent } = answer.delivered()
  if (isContent !== true) return undefined
  if (broken === undefined) return { text, size }
  const { ascii, other } = broken.size
  return {
    text: broken.text + text,
    size: { ascii: ascii + size.ascii, other: other + size.other },
  }
}

const withFault = (record: AttemptRecord | undefined, { kind }: Fault): AttemptRecord => ({
  ...(record ?? { deployment: '', ms: 0 }),
  fault: kind,
})

type Sent = Readonly<{ admitted: Admitted; asked: Candidate; broken: BrokenOff }>

/** The prompt was sent a second time, and what had come with it. The caller pays it once; this is the operator's. */
function withCost(record: AttemptRecord, { admitted, asked, broken }: Sent): AttemptRecord {
  const tokens = likelyPrompt(admitted) + likelyTokens(broken.size)
  const price = priceAt(asked, admitted.request.serviceTier)
  return { ...record, cost: costOf(textUsage(tokens, 0), price).toString() }
}
