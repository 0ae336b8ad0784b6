import type { Failure } from '../domain/failure.ts'
import { joined, linesOf, type HeaderLines } from '../ports/header-lines.ts'
import type { Reply } from '../ports/reply.ts'
import { errorResponse } from './error-responses.ts'
import type { Guards } from './guards.ts'
import type { AnswerHead, Wire, WireListener } from './wire.ts'

/** What an account without credit is answered, and what browsers are told. */
type ReplySettings = Readonly<{ quotaStatus: number; guards: Guards }>

type Listeners = readonly (() => void)[]
const NOBODY: Listeners = []
/** An array that grows takes room for many. */
const withOne = (listeners: Listeners, listener: () => void): Listeners =>
  listeners === NOBODY ? [listener] : [...listeners, listener]

/** The way back to a caller of the hot route, over whatever wire it came by. Once it is done, nothing more is said. */
export class HttpReply implements Reply, WireListener {
  /** What was answered; undefined: nothing yet. */
  status: number | undefined
  hasBegun = false
  readonly #wire: Wire
  #common: HeaderLines
  readonly #settings: ReplySettings
  /** Mostly there are one of these and none of those. */
  #goneListeners = NOBODY
  #writableListeners = NOBODY
  #isDone = false

  /** `common`: headers of every answer, whatever becomes of the request. */
  constructor(wire: Wire, common: HeaderLines, settings: ReplySettings) {
    this.#wire = wire
    this.#common = common
    this.#settings = settings
    wire.tell(this)
  }

  get isGone(): boolean {
    return !this.#isDone && this.#wire.isGone
  }

  announce(headers: HeaderLines): void {
    this.#common = joined(this.#common, headers)
  }

  onGone(listener: () => void): void {
    if (this.isGone) listener()
    else this.#goneListeners = withOne(this.#goneListeners, listener)
  }

  closed(): void {
    if (!this.#isDone) for (const listener of this.#goneListeners) listener()
    this.#goneListeners = NOBODY
  }

  onWritable(listener: () => void): void {
    this.#writableListeners = withOne(this.#writableListeners, listener)
  }

  drained(): void {
    for (const listener of this.#writableListeners) listener()
  }

  send(headers: HeaderLines, body: Uint8Array | string): void {
    this.#sendJson(200, headers, body)
  }

  begin(headers: HeaderLines): void {
    if (this.isGone) return
    this.hasBegun = true
    this.#wire.begin(this.#head(200, this.#settings.guards.stream, headers))
  }

  write(bytes: Uint8Array | string): boolean {
    if (this.#isDone || bytes.length === 0) return true // an empty chunk would be the last one
    return this.#wire.write(bytes)
  }

  end(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#wire.end()
  }

  fail(failure: Failure): void {
    if (this.#isDone || this.#wire.isGone) return
    const { status, headers, body } = errorResponse(failure, this.#settings.quotaStatus)
    if (!this.hasBegun) {
      this.#sendJson(status, linesOf(headers), Buffer.from(JSON.stringify(body)))
      return
    }
    this.write(`data: ${JSON.stringify(body)}\n\n`)
    this.end()
  }

  #sendJson(status: number, headers: HeaderLines, body: Uint8Array | string): void {
    if (this.#isDone || this.#wire.isGone) return
    this.#wire.whole(this.#head(status, this.#settings.guards.json, headers), body)
    this.#isDone = true // not if that threw: then something else can still be said
    this.hasBegun = true
  }

  #head(status: number, fixed: HeaderLines, own: HeaderLines): AnswerHead {
    this.status = status
    return { status, before: joined(this.#common, fixed), after: own }
  }
}
