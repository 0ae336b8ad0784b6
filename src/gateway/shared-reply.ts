import type { Failure } from '../domain/failure.ts'
import type { Clock } from '../ports/clock.ts'
import { headerLine, joined, NO_LINES, type HeaderLines } from '../ports/header-lines.ts'
import type { Reply } from '../ports/reply.ts'

/** Tells a caller that somebody else's call, or an earlier one of their own, is what they see. */
const REPLAYED = headerLine('x-tollgate-replayed', 'true')

export type Sharing = Readonly<{
  clock: Pick<Clock, 'after'>
  /** How long it goes on when nobody listens any more. */
  waitMs: number
  /** Whether so many more bytes of it may be remembered, of which it has so many by now. */
  remember: (more: number, byNow: number) => boolean
  forget: (bytes: number) => void
}>

type Step = (reply: Reply, more: HeaderLines) => void

/**
 * One answer for several callers: whoever joins late gets all of it from its beginning. What is too long to be remembered
 * goes on to those who are there, and nobody can join any more.
 */
export class SharedReply implements Reply {
  /** With the headers that each gets besides those of the answer. */
  readonly #members = new Map<Reply, HeaderLines>()
  /** Those among them who have yet to take what they were written. */
  readonly #behind = new Set<Reply>()
  #steps: Step[] | undefined = []
  readonly #goneListeners: (() => void)[] = []
  readonly #writableListeners: (() => void)[] = []
  readonly #sharing: Sharing
  #bytes = 0
  #isOver = false
  /** All have left, and nobody has come back in time. */
  #isGone = false
  hasBegun = false

  constructor(sharing: Sharing) {
    this.#sharing = sharing
  }

  /** All of it is remembered. */
  get isJoinable(): boolean {
    return this.#steps !== undefined && !this.isGone
  }

  /** Whether it came to its proper end, so that it may be given again. */
  get isComplete(): boolean {
    return this.#isOver
  }

  get isGone(): boolean {
    return this.#isGone && !this.#isOver
  }

  /** The first caller is the one whose call it is; the others are told that it is not theirs. */
  join(reply: Reply, isFirst: boolean): void {
    const more = isFirst ? NO_LINES : REPLAYED
    for (const step of this.#steps ?? []) step(reply, more)
    if (this.#isOver) return
    this.#members.set(reply, more)
    reply.onWritable(() => {
      this.#caughtUp(reply)
    })
    reply.onGone(() => {
      this.#left(reply)
    })
  }

  #left(reply: Reply): void {
    this.#members.delete(reply)
    this.#caughtUp(reply)
    if (this.#members.size > 0 || this.#isOver) return
    const { clock, waitMs } = this.#sharing
    if (waitMs === 0 || this.#steps === undefined) this.#giveUp()
    else
      clock.after(waitMs, () => {
        this.#giveUp()
      })
  }

  /** It goes on when nobody has to be waited for any more: one who reads quickly must not fill another's memory. */
  #caughtUp(reply: Reply): void {
    this.#behind.delete(reply)
    if (this.#behind.size > 0) return
    for (const listener of this.#writableListeners) listener()
  }

  #giveUp(): void {
    if (this.#members.size > 0 || this.#isOver || this.#isGone) return
    this.#isGone = true
    for (const listener of this.#goneListeners) listener()
  }

  forget(): void {
    this.#steps = undefined
    this.#sharing.forget(this.#bytes)
    this.#bytes = 0
  }

  #remember(bytes: number, step: Step): void {
    if (this.#steps === undefined) return
    if (!this.#sharing.remember(bytes, this.#bytes)) {
      this.forget()
      return
    }
    this.#bytes += bytes
    this.#steps.push(step)
  }

  #rememberBytes(bytes: Uint8Array | string): void {
    if (this.#steps === undefined) return
    const own = typeof bytes === 'string' ? bytes : Buffer.from(bytes)
    this.#remember(own.length, (reply) => void reply.write(own))
  }

  /** They say how the limits of the first stand, and nothing to whoever gets the answer later. */
  announce(headers: HeaderLines): void {
    for (const member of this.#members.keys()) member.announce(headers)
  }

  onGone(listener: () => void): void {
    if (this.isGone) listener()
    else this.#goneListeners.push(listener)
  }

  send(headers: HeaderLines, body: Uint8Array | string): void {
    this.#isOver = true
    this.#do(body.length, (reply, more) => {
      reply.send(joined(headers, more), body)
    })
  }

  begin(headers: HeaderLines): void {
    this.hasBegun = true
    this.#do(0, (reply, more) => {
      reply.begin(joined(headers, more))
    })
  }

  /** At the pace of the slowest who still listens. Whoever takes nothing at all is cut by the wire, and has left then. */
  write(bytes: Uint8Array | string): boolean {
    this.#rememberBytes(bytes)
    for (const member of this.#members.keys()) if (!member.write(bytes)) this.#behind.add(member)
    return this.#behind.size === 0
  }

  onWritable(listener: () => void): void {
    this.#writableListeners.push(listener)
  }

  end(): void {
    this.#isOver = true
    this.#do(0, (reply) => {
      reply.end()
    })
  }

  fail(failure: Failure): void {
    for (const member of this.#members.keys()) member.fail(failure)
  }

  #do(bytes: number, step: Step): void {
    this.#remember(bytes, step)
    for (const [member, more] of this.#members) step(member, more)
    if (!this.#isOver) return
    // It may be remembered for a day, and its callers' connections are not to be.
    this.#members.clear()
    this.#behind.clear()
    this.#writableListeners.length = 0
    this.#goneListeners.length = 0
  }
}
