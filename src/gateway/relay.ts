import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import type { Answer, Ending } from './answer.ts'
import type { Attempted } from './attempt.ts'
import { goOn } from './go-on.ts'
import type { House } from './house.ts'
import { deliveredCost } from './meter.ts'
import type { Rounds, Watched } from './rounds.ts'
import type { StreamReply } from './stream-reply.ts'

export type Relaying = Readonly<{
  admitted: Admitted
  attempted: Attempted
  stream: StreamReply
  reply: Reply
  rounds: Rounds
}>

/** How the stream ended, and whose answer it was at its end. */
export type Relayed = Readonly<{ attempted: Attempted; ending: Ending }>

/** Passes the stream on, untouched, at the pace of its reader; where it breaks off, another may go on with it. */
export async function relay(house: House, relaying: Relaying): Promise<Relayed> {
  const { admitted, rounds, reply } = relaying
  const passing = new Passing(house, relaying)
  let { attempted } = relaying
  rounds.add(passing)
  try {
    passing.begin()
    for (;;) {
      const ending = await attempted.answer.over()
      if (ending.kind !== 'fault') return { attempted, ending }
      const { answer } = attempted
      attempted = await goOn(house, { admitted, attempted, fault: ending.fault, reply, rounds })
      if (attempted.answer === answer) {
        // What broke off while it was only read on for its usage did not break off for anybody.
        return { attempted, ending: reply.isGone ? { kind: 'gone' } : await answer.over() }
      }
      passing.goOnWith(attempted)
    }
  } catch (error) {
    attempted.answer.leave()
    rounds.remove(attempted.answer)
    throw error
  } finally {
    rounds.remove(passing)
  }
}

const PROGRESS_EVERY_MS = 2_000
/** How long a provider may go on after its caller left, to say what it used. */
const DRAIN_MS = 20_000
const FINISH_MS = 800

/** A stream on its way through. */
class Passing implements Watched {
  slot = -1
  readonly #house: House
  readonly #relaying: Relaying
  #attempted: Attempted
  #answer: Answer
  #recordedAt: number
  /** When a provider whose caller has left is cancelled at last. */
  #cancelAt = Infinity

  constructor(house: House, relaying: Relaying) {
    this.#house = house
    this.#relaying = relaying
    this.#attempted = relaying.attempted
    this.#answer = relaying.attempted.answer
    this.#recordedAt = house.clock.ticksMs()
  }

  begin(): void {
    const { stream, attempted } = this.#relaying
    stream.begin(attempted)
    stream.onWritable(() => {
      if (this.#answer.isPaused) this.#answer.resume()
    })
    stream.onGone(() => {
      this.#leave()
    })
    this.#pass(this.#answer)
  }

  goOnWith(attempted: Attempted): void {
    this.#attempted = attempted
    this.#answer = attempted.answer
    this.#pass(attempted.answer)
  }

  #pass(answer: Answer): void {
    const { stream } = this.#relaying
    answer.relayTo((bytes) => {
      if (!stream.write(bytes) && !answer.isPaused) answer.pause()
    })
  }

  look(now: number): void {
    if (now >= this.#cancelAt) this.#answer.leave()
    if (now - this.#recordedAt < PROGRESS_EVERY_MS) return
    this.#recordedAt = now
    const { admitted } = this.#relaying
    this.#house.ledger.progress(admitted.requestId, deliveredCost(admitted, this.#attempted))
  }

  /** The answer is ended by itself. */
  hurry(): void {
    this.#cancelAt = -Infinity
  }

  /** The provider is cancelled, unless its true usage is about to come or the operator wants to wait for it. */
  #leave(): void {
    const drains = this.#house.catalog.settings().outcomes.aborted === 'drain'
    if (this.#answer.isPaused) this.#answer.resume()
    if (!drains && !this.#answer.isFinishing) this.#answer.leave()
    else this.#cancelAt = this.#house.clock.ticksMs() + (drains ? DRAIN_MS : FINISH_MS)
  }
}
