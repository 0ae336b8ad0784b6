import type { Admitted } from './admit.ts'
import type { Answer, Ending } from './answer.ts'
import type { Attempted } from './attempt.ts'
import type { House } from './house.ts'
import { deliveredCost } from './meter.ts'
import type { StreamReply } from './stream-reply.ts'
import { Watch } from './watch.ts'

export type Relaying = Readonly<{ admitted: Admitted; attempted: Attempted; stream: StreamReply }>

/** Passes the stream on, untouched, at the pace of its reader; resolves with how it ended. */
export async function relay(
  house: House,
  { admitted, attempted, stream }: Relaying,
): Promise<Ending> {
  const { answer } = attempted
  const { clock, ledger, catalog } = house
  const { outcomes, idleReaderMs } = catalog.settings()
  let fullSince = Infinity
  let recordedAt = clock.ticksMs()
  const slowReader = { dueAt: () => fullSince + idleReaderMs, run: () => stream.drop() }
  const progress = {
    dueAt: () => recordedAt + PROGRESS_EVERY_MS,
    run: () => {
      recordedAt = clock.ticksMs()
      ledger.progress(admitted.requestId, deliveredCost(admitted, attempted))
    },
  }
  const watch = new Watch(clock, [slowReader, progress])
  stream.begin(attempted)
  stream.onWritable(() => {
    fullSince = Infinity
    if (answer.isPaused) answer.resume()
  })
  stream.onGone(() => {
    leave(house, { answer, drains: outcomes.aborted === 'drain' })
  })
  answer.relayTo((bytes) => {
    if (stream.write(bytes) || answer.isPaused) return
    fullSince = clock.ticksMs()
    answer.pause()
  })
  try {
    return await answer.over()
  } finally {
    watch.stop()
  }
}

const PROGRESS_EVERY_MS = 2_000
/** How long a provider may go on after its caller left, to say what it used. */
const DRAIN_MS = 20_000
const FINISH_MS = 800

/** The provider is cancelled, unless its true usage is about to come or the operator wants to wait for it. */
function leave({ clock }: House, { answer, drains }: { answer: Answer; drains: boolean }): void {
  if (answer.isPaused) answer.resume()
  if (!drains && !answer.isFinishing) {
    answer.leave()
    return
  }
  const cancel = clock.after(drains ? DRAIN_MS : FINISH_MS, () => {
    answer.leave()
  })
  answer.onOver(cancel)
}
