import type { Candidate } from '../domain/route.ts'
import { joined } from '../ports/header-lines.ts'
import type { Reply } from '../ports/reply.ts'
import { modelNotFound, type Admitted } from './admit.ts'
import type { Ending } from './answer.ts'
import { answerHeaders, attemptsLine, costHeaders } from './answer-headers.ts'
import type { Attempted } from './attempt.ts'
import { failureOf } from './failure-of.ts'
import type { Settled } from './settle.ts'
import { countedUsageChunk, finishChunk, type StreamReply } from './stream-reply.ts'

type Concluding = Readonly<{
  admitted: Admitted
  candidates: readonly Candidate[]
  attempted: Attempted
  ending: Ending
  settled: Settled
  reply: Reply
  stream: StreamReply | undefined
  chance: () => number
}>

/** The end of the answer, which waited for the settle. */
export function conclude(concluding: Concluding): void {
  const { admitted, attempted, ending, settled, reply, stream } = concluding
  const isVisible = attempted.answer.isVisible || attempted.broken !== undefined
  if (ending.kind === 'gone') return
  if (ending.kind === 'fault') {
    // Who refused the request itself is its answer; of those that gave none, nobody is named.
    const isAnswer = ending.fault.refusal !== undefined
    const asked = isAnswer ? answerHeaders(attempted) : attemptsLine(attempted.attempts.length)
    reply.announce(joined(asked, costHeaders(settled.charged, settled.balance)))
    if (isUnknownName(concluding)) throw modelNotFound(admitted.request.model)
    throw failureOf(ending.fault, isVisible, concluding.chance)
  }
  if (stream === undefined) {
    const cost = costHeaders(settled.charged, settled.balance)
    const body = ending.kind === 'finished' ? ending.body : undefined
    reply.send(joined(answerHeaders(attempted), cost), body ?? '')
    return
  }
  stream.begin(attempted)
  // A finish without any token is an answer, too: what was kept back for it is all there is.
  if (!attempted.answer.isVisible) attempted.answer.relayTo((bytes) => stream.write(bytes))
  const { showUsage, model } = admitted.request
  const known = attempted.head ?? attempted.answer.head
  const head = known ?? { id: admitted.requestId, created: 0, model }
  const isCutShort = ending.kind === 'cancelled' && !attempted.answer.isFinishing
  const isWhole = ending.kind === 'finished' && attempted.broken === undefined
  const reported = isWhole ? ending.usageChunk : undefined
  stream.finish({
    finishChunk: isCutShort ? finishChunk({ ...head, choices: openOf(concluding) }) : undefined,
    usageChunk: showUsage
      ? (reported ?? countedUsageChunk({ ...head, usage: settled.metered.usage }))
      : undefined,
    cost: settled.charged,
  })
}

/** The choices that have not come to their own finish. */
const openOf = ({ admitted, attempted }: Concluding): number[] =>
  Array.from({ length: admitted.request.choices }, (_, index) => index).filter(
    (index) => !attempted.answer.isFinished(index),
  )

/** The caller made it up behind a wildcard, and nobody there has a model of that name. */
const isUnknownName = ({ admitted, attempted, candidates }: Concluding): boolean =>
  admitted.route.isMadeUp &&
  attempted.attempts.length >= candidates.length &&
  attempted.attempts.every(({ status }) => status === 404)
