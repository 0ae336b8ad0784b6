import { Failure, invalidRequest } from '../domain/failure.ts'
import type { Clock } from '../ports/clock.ts'
import type { Keys } from '../ports/keys.ts'
import type { Reply } from '../ports/reply.ts'
import type { Entered, IncomingCall } from './house.ts'
import { SharedReply } from './shared-reply.ts'

/** A call that its caller may repeat: the same name and body mean the same call. */
export type Repeatable = Readonly<{ name: string; fingerprint: string; reply: Reply }>

type Call = {
  readonly fingerprint: string
  readonly reply: SharedReply
  readonly done: Promise<void>
  readonly begunTicks: number
  /** Its bytes count among those that are kept. */
  isKept: boolean
}

const KEPT_MS = 24 * 60 * 60_000
const KEPT_MAX = 10_000
const KEPT_BYTES_MAX = 64 * 1024 * 1024
const ANSWER_BYTES_MAX = 8 * 1024 * 1024

/**
 * Answers what has the same name once: a repeat joins the running call, or gets the finished answer again, for a day and
 * as far as there is room. A call that failed is forgotten, so that repeating it tries again.
 */
export class Once {
  readonly #clock: Pick<Clock, 'ticksMs'>
  /** In the order in which they began. */
  readonly #calls = new Map<string, Call>()
  #bytes = 0

  constructor(clock: Pick<Clock, 'ticksMs'>) {
    this.#clock = clock
  }

  /** `run` makes the answer, unless there is one; it must not write to a reply of one caller alone. */
  answer(wanted: Repeatable, run: (reply: Reply) => Promise<void>): Promise<void> {
    const { name, fingerprint, reply } = wanted
    this.#forgetOld()
    const known = this.#calls.get(name)
    if (known !== undefined && !known.reply.isGone) {
      if (known.fingerprint !== fingerprint) throw conflict()
      known.reply.join(reply, false)
      return known.done
    }
    const shared = new SharedReply()
    shared.join(reply, true)
    const done = run(shared).finally(() => {
      this.#ended(name, shared)
    })
    const begunTicks = this.#clock.ticksMs()
    this.#calls.set(name, { fingerprint, reply: shared, done, begunTicks, isKept: false })
    return done
  }

  #ended(name: string, reply: SharedReply): void {
    const call = this.#calls.get(name)
    if (call?.reply !== reply) return
    call.isKept = reply.isComplete && reply.bytes <= ANSWER_BYTES_MAX
    if (call.isKept) this.#bytes += reply.bytes
    else this.#calls.delete(name)
  }

  #forgetOld(): void {
    const now = this.#clock.ticksMs()
    for (const [name, { reply, begunTicks, isKept }] of this.#calls) {
      const isOver = this.#calls.size > KEPT_MAX || this.#bytes > KEPT_BYTES_MAX
      if (!isOver && now - begunTicks < KEPT_MS) return
      if (!isKept) continue
      this.#calls.delete(name)
      this.#bytes -= reply.bytes
    }
  }
}

const conflict = (): Failure =>
  new Failure(
    'idempotency_conflict',
    "This 'idempotency-key' was used for another request. Use a new one for each request, and the same one for its repeats.",
    { param: 'idempotency-key' },
  )

const KEY = /^[\x20-\x7e]{1,255}$/

/** A caller's own word is nothing of ours: it counts within the account alone, and only its hash is kept. */
export function nameOf(
  { hashOf }: Keys,
  { idempotencyKey = '' }: IncomingCall,
  { key, body }: Entered,
): Pick<Repeatable, 'name' | 'fingerprint'> {
  if (!KEY.test(idempotencyKey)) {
    throw invalidRequest(
      "The header 'idempotency-key' must be 1 to 255 printable ASCII characters.",
      'idempotency-key',
    )
  }
  return {
    name: hashOf(`${key.account}\n${idempotencyKey}`),
    fingerprint: hashOf(JSON.stringify(body.request.body)),
  }
}
