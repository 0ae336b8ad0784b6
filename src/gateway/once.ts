import { Failure, invalidRequest } from '../domain/failure.ts'
import { jsonText } from '../domain/json-text.ts'
import type { Clock } from '../ports/clock.ts'
import type { Keys } from '../ports/keys.ts'
import type { Reply } from '../ports/reply.ts'
import type { Entered, IncomingCall } from './house.ts'
import { SharedReply } from './shared-reply.ts'

/** A call that its caller may repeat: the same name and body mean the same call. */
export type Repeatable = Readonly<{
  requestId: string
  name: string
  fingerprint: string
  reply: Reply
  /** False: it is the first of its name, or of another call that happens to be the same. */
  joins: boolean
}>

type Call = Readonly<{
  requestId: string
  fingerprint: string
  reply: SharedReply
  done: Promise<void>
}>
type Kept = Call & Readonly<{ endedTicks: number }>

export type OnceSettings = Readonly<{
  clock: Pick<Clock, 'ticksMs' | 'after'>
  /** How long a finished answer is remembered, as far as there is room. */
  keptMs: () => number
  /** How long a call goes on after its last caller has left, in case that somebody comes back for it. */
  waitMs: () => number
}>

const KEPT_MAX = 10_000
/** Of all that run and all that are kept. */
const BYTES_MAX = 64 * 1024 * 1024
const ANSWER_BYTES_MAX = 8 * 1024 * 1024

/**
 * Answers what has the same name once: a repeat joins the running call, or gets the finished answer again for as long as
 * it is remembered. A call that failed is forgotten, so that repeating it tries again.
 */
export class Once {
  readonly #settings: OnceSettings
  readonly #running = new Map<string, Call>()
  /** In the order in which they ended. */
  readonly #kept = new Map<string, Kept>()
  /** Requests that joined a running call, and the one whose call it is. */
  readonly #joined = new Map<string, string>()
  #bytes = 0

  constructor(settings: OnceSettings) {
    this.#settings = settings
  }

  /** `run` makes the answer, unless there is one; it must not write to a reply of one caller alone. */
  answer(wanted: Repeatable, run: (reply: Reply) => Promise<void>): Promise<void> {
    const { requestId, name, fingerprint, reply, joins } = wanted
    this.#forgetOld()
    const known = this.#known(name)
    if (known !== undefined && joins) {
      if (known.fingerprint !== fingerprint) throw conflict()
      known.reply.join(reply, false)
      return known.reply.isComplete ? known.done : this.#whileJoined(requestId, known)
    }
    // The same by chance, at the same time: only one of them can be joined.
    if (known !== undefined && this.#running.has(name)) return run(reply)
    const { clock, waitMs } = this.#settings
    const shared = new SharedReply({ clock, waitMs: waitMs(), ...this.#memory })
    shared.join(reply, true)
    const done = run(shared).finally(() => {
      this.#ended(name, shared)
    })
    this.#running.set(name, { requestId, fingerprint, reply: shared, done })
    return done
  }

  /** Whose call it is that a request has joined, while it runs. */
  callOf(requestId: string): string | undefined {
    return this.#joined.get(requestId)
  }

  async #whileJoined(requestId: string, call: Call): Promise<void> {
    this.#joined.set(requestId, call.requestId)
    try {
      await call.done
    } finally {
      this.#joined.delete(requestId)
    }
  }

  #known(name: string): Call | undefined {
    const running = this.#running.get(name)
    return running?.reply.isJoinable === true ? running : this.#kept.get(name)
  }

  #ended(name: string, reply: SharedReply): void {
    const call = this.#running.get(name)
    const isLast = call?.reply === reply
    if (isLast) this.#running.delete(name)
    if (!isLast || !reply.isComplete || !reply.isJoinable) {
      reply.forget()
      return
    }
    this.#forget(name)
    this.#kept.set(name, { ...call, endedTicks: this.#settings.clock.ticksMs() })
  }

  /** Those that are kept give way to those that run. */
  readonly #memory = {
    remember: (more: number, byNow: number): boolean => {
      if (byNow + more > ANSWER_BYTES_MAX) return false
      for (const name of this.#kept.keys()) {
        if (this.#bytes + more <= BYTES_MAX) break
        this.#forget(name)
      }
      if (this.#bytes + more > BYTES_MAX) return false
      this.#bytes += more
      return true
    },
    forget: (bytes: number): void => {
      this.#bytes -= bytes
    },
  }

  #forgetOld(): void {
    const { clock, keptMs } = this.#settings
    const oldestTicks = clock.ticksMs() - keptMs()
    for (const [name, { endedTicks }] of this.#kept) {
      if (this.#kept.size <= KEPT_MAX && endedTicks > oldestTicks) return
      this.#forget(name)
    }
  }

  #forget(name: string): void {
    this.#kept.get(name)?.reply.forget()
    this.#kept.delete(name)
  }
}

const conflict = (): Failure =>
  new Failure(
    'idempotency_conflict',
    "This 'idempotency-key' was used for another request. Use a new one for each request, and the same one for its repeats.",
    { param: 'idempotency-key' },
  )

/** What an SDK sends again is the same by all that it sent: its key, its body and its limit. */
export function sameCallOf(
  { hashOf }: Keys,
  { retryCount, maxCost = '' }: IncomingCall,
  { key, body }: Entered,
): Omit<Repeatable, 'reply' | 'requestId'> {
  const name = hashOf(`${key.id}\n${maxCost}\n${jsonText(body.request.body)}`)
  return { name, fingerprint: '', joins: Number(retryCount) > 0 }
}

const KEY = /^[\x20-\x7e]{1,255}$/

/** A caller's own word is nothing of ours: it counts within the account alone, and only its hash is kept. */
export function nameOf(
  { hashOf }: Keys,
  { idempotencyKey = '' }: IncomingCall,
  { key, body }: Entered,
): Omit<Repeatable, 'reply' | 'requestId'> {
  if (!KEY.test(idempotencyKey)) {
    throw invalidRequest(
      "The header 'idempotency-key' must be 1 to 255 printable ASCII characters.",
      'idempotency-key',
    )
  }
  return {
    name: hashOf(`${key.account}\n${idempotencyKey}`),
    fingerprint: hashOf(jsonText(body.request.body)),
    joins: true,
  }
}
