import { callersOwn, type Fault } from '../domain/fault.ts'
import type { Timeouts } from '../domain/model.ts'
import type { Usage } from '../domain/usage.ts'
import type {
  AnswerEnd,
  AnswerListener,
  Delivered,
  RunningCall,
  StreamHead,
} from '../ports/provider.ts'
import type { Watched } from './rounds.ts'
import type { Ticket } from './ticket.ts'

/**
 * How an attempt ended. Gone: the caller left, or the gateway is shutting down and would not wait. Cancelled: the caller
 * said that it is enough, and still listens.
 */
export type Ending = AnswerEnd | { kind: 'gone' } | { kind: 'cancelled' }

export type AnswerSettings = Readonly<{
  requestId: string
  account: string
  ticksMs: () => number
  timeouts: Timeouts
  /** What is not streamed has only its total time: its head comes with its body. */
  isStream: boolean
  onAccepted: () => void
  /** Ended with the answer. */
  ticket: Pick<Ticket, 'ended'>
}>

/** How long usage and `[DONE]` may be behind the finish: whoever has the answer should not wait for them. */
const REST_MS = 5_000
/** A caller who keeps a provider waiting for so long in all, or for this share of its time, has the end on their own account. */
const UNREAD_MS_MAX = 10_000
const UNREAD_SHARE = 0.1

/**
 * One attempt at one deployment. It keeps frames back until the first visible token, so that a failure before it stays
 * invisible; from then on they go to whoever relays them, in the same turn of the event loop in which they came.
 */
export class Answer implements AnswerListener, Watched {
  slot = -1
  isVisible = false
  wasAccepted = false
  /** The caller reads slowly, so the provider is not read at all: its silence says nothing. */
  isPaused = false

  readonly #settings: AnswerSettings
  readonly #begunTicks: number
  /** When the last frame came, as the rounds saw it: reading the clock for each would cost more than the frame. */
  #lastTicks: number
  #isFresh = false
  #lookedTicks: number
  #unreadMs = 0
  #firstByteMs: number | undefined
  #call: RunningCall | undefined
  #kept: Uint8Array[] = []
  #relay: ((bytes: Uint8Array) => void) | undefined
  #ending: Ending | undefined
  /** One waits at a time: first for the start, then for the end. */
  #waiter: Waiter | undefined
  #awaitsStart = false
  #stopped: (() => void) | undefined

  constructor(settings: AnswerSettings) {
    this.#settings = settings
    this.#begunTicks = this.#lastTicks = this.#lookedTicks = settings.ticksMs()
  }

  /** Resolves at the first visible token (with undefined) or at the end, whichever is first. */
  started(): Promise<Ending | undefined> {
    if (this.isVisible) return Promise.resolve(undefined)
    if (this.#ending !== undefined) return Promise.resolve(this.#ending)
    this.#awaitsStart = true
    return new Promise((resolve) => {
      this.#waiter = resolve
    })
  }

  /** Its end, if it is there already. */
  over(): Ending | Promise<Ending> {
    if (this.#ending !== undefined) return this.#ending
    this.#awaitsStart = false
    return new Promise((resolve) => {
      this.#waiter = resolve as Waiter
    })
  }

  look(now: number): void {
    const { timeouts, isStream } = this.#settings
    if (this.isPaused) this.#unreadMs += now - this.#lookedTicks
    this.#lookedTicks = now
    const totalMs = isStream ? timeouts.totalMs : timeouts.wholeMs
    if (now - this.#begunTicks >= totalMs) this.#late('the whole answer')
    if (this.#isFresh || this.isPaused) this.#lastTicks = now
    this.#isFresh = false
    if (!this.wasAccepted && now - this.#begunTicks >= timeouts.connectMs) {
      this.fail({ kind: 'connect', detail: 'no connection in time' })
    }
    if (!isStream || this.isPaused) return
    const { isFinishing } = this
    const idleMs = isFinishing ? Math.min(REST_MS, timeouts.idleMs) : timeouts.idleMs
    if (
      this.isVisible || isFinishing
        ? now - this.#lastTicks >= idleMs
        : now - this.#begunTicks >= timeouts.firstByteMs
    ) {
      this.#late('the next token')
    }
  }

  hurry(): void {
    this.fail({ kind: 'server', detail: 'the gateway is shutting down' })
  }

  runs(call: RunningCall): void {
    this.#call = call
    if (this.#ending !== undefined) call.cancel()
  }

  accepted(): void {
    this.wasAccepted = true
    this.#settings.onAccepted()
  }

  frames(bytes: Uint8Array, visible: boolean): void {
    this.#isFresh = true
    if (this.#relay !== undefined) {
      this.#relay(bytes)
      return
    }
    this.#kept.push(Buffer.from(bytes))
    if (!visible || this.isVisible) return
    this.isVisible = true
    this.#firstByteMs = this.#settings.ticksMs() - this.#begunTicks
    if (this.#awaitsStart) this.#waiter?.(undefined)
  }

  ended(end: AnswerEnd): void {
    this.#end(end)
  }

  /** What was kept back goes out first. */
  relayTo(relay: (bytes: Uint8Array) => void): void {
    this.#relay = relay
    for (const bytes of this.#kept) relay(bytes)
    this.#kept = []
  }

  pause(): void {
    this.isPaused = true
    this.#call?.pause()
  }

  resume(): void {
    this.isPaused = false
    this.#isFresh = true
    this.#call?.resume()
  }

  /** Ends the attempt for a reason of our own; an answer that has finished is whole all the same. */
  fail(fault: Fault): void {
    if (this.#ending !== undefined) return
    if (this.#call === undefined) this.#end({ kind: 'fault', fault, usage: undefined })
    else this.#call.giveUp(fault)
  }

  /** The caller left. */
  leave(): void {
    if (this.#ending !== undefined) return
    this.#call?.cancel()
    this.#end({ kind: 'gone' })
  }

  isStreamOf(account: string, requestId: string): boolean {
    const settings = this.#settings
    return settings.isStream && settings.requestId === requestId && settings.account === account
  }

  /** The caller wants no more of it; where it has failed by then, nor of what would come in its place. */
  stop(): void {
    if (this.#ending === undefined && this.isFinishing) return // all of it is there, and what it used about to come
    if (this.#ending?.kind === 'fault') this.#ending = { kind: 'cancelled' }
    this.#stopped?.()
    if (this.#ending !== undefined) return
    this.#call?.cancel()
    this.#end({ kind: 'cancelled' })
  }

  get isStopped(): boolean {
    return this.#ending?.kind === 'cancelled'
  }

  /** For whoever waits to ask another one in its place. */
  onStopped(listener: () => void): void {
    this.#stopped = listener
  }

  get isFinishing(): boolean {
    return this.#call?.isFinishing ?? false
  }

  isFinished(choice: number): boolean {
    return this.#call?.isFinished?.(choice) ?? false
  }

  get head(): StreamHead | undefined {
    return this.#call?.head
  }

  delivered(): Delivered {
    return this.#call?.delivered() ?? NOTHING
  }

  #late(what: string): void {
    this.fail({ kind: 'timeout', detail: `${what} took too long` })
  }

  #end(end: Ending): void {
    if (this.#ending !== undefined) return
    const isUnread = end.kind === 'fault' && this.#wasUnread
    const ending = isUnread ? { ...end, fault: callersOwn(end.fault) } : end
    this.#ending = ending
    this.#tell(ending)
    this.#waiter?.(ending)
  }

  get #wasUnread(): boolean {
    const share = this.#settings.timeouts.totalMs * UNREAD_SHARE
    return this.#unreadMs > Math.min(share, UNREAD_MS_MAX)
  }

  /** An answer in one piece has its first byte at its end. */
  #tell(ending: Ending): void {
    const { ticket, ticksMs, isStream } = this.#settings
    if (ending.kind === 'finished') this.#firstByteMs ??= ticksMs() - this.#begunTicks
    const isTheirs = ending.kind === 'fault' && ending.fault.isCallers !== true
    const fault = isTheirs ? ending.fault : undefined
    ticket.ended({ fault, firstByteMs: this.#firstByteMs, isStream })
  }
}

/** Told without an ending of the first visible token. */
type Waiter = (ending: Ending | undefined) => void

const NOTHING: Delivered = { text: '', size: { ascii: 0, other: 0 } }

export const reportedUsage = (ending: Ending): Usage | undefined =>
  'usage' in ending ? ending.usage : undefined
