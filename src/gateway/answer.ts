import type { Fault } from '../domain/fault.ts'
import type { Usage } from '../domain/usage.ts'
import type { AnswerEnd, AnswerListener, Delivered, RunningCall } from '../ports/provider.ts'

/** How an attempt ended. Gone: the caller left, or the gateway is shutting down and would not wait. */
export type Ending = AnswerEnd | { kind: 'gone' }

export type AnswerClock = Readonly<{ ticksMs: () => number }>

/**
 * One attempt at one deployment. It keeps frames back until the first visible token, so that a failure before it stays
 * invisible; from then on they go to whoever relays them, in the same turn of the event loop in which they came.
 */
export class Answer implements AnswerListener {
  isVisible = false
  wasAccepted = false
  /** The caller reads slowly, so the provider is not read at all: its silence says nothing. */
  isPaused = false
  /** When the last byte came, by the same clock as the deadlines. */
  lastTicks: number

  readonly #clock: AnswerClock
  readonly #onAccepted: () => void
  readonly #onOver: (() => void)[] = []
  #call: RunningCall | undefined
  #kept: Uint8Array[] = []
  #relay: ((bytes: Uint8Array) => void) | undefined
  #ending: Ending | undefined
  #wake: (() => void) | undefined

  constructor(clock: AnswerClock, onAccepted: () => void) {
    this.#clock = clock
    this.#onAccepted = onAccepted
    this.lastTicks = clock.ticksMs()
  }

  /** Resolves at the first visible token (with undefined) or at the end, whichever is first. */
  async started(): Promise<Ending | undefined> {
    if (!this.isVisible && this.#ending === undefined) await this.#news()
    return this.isVisible ? undefined : this.#ending
  }

  async over(): Promise<Ending> {
    while (this.#ending === undefined) await this.#news()
    return this.#ending
  }

  /** Runs once when the answer has ended, however it did. */
  onOver(listener: () => void): void {
    if (this.#ending === undefined) this.#onOver.push(listener)
    else listener()
  }

  runs(call: RunningCall): void {
    this.#call = call
    if (this.#ending !== undefined) call.cancel()
  }

  accepted(): void {
    this.wasAccepted = true
    this.#onAccepted()
  }

  frames(bytes: Uint8Array, visible: boolean): void {
    this.lastTicks = this.#clock.ticksMs()
    if (this.#relay !== undefined) {
      this.#relay(bytes)
      return
    }
    this.#kept.push(bytes)
    if (!visible || this.isVisible) return
    this.isVisible = true
    this.#wake?.()
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
    this.lastTicks = this.#clock.ticksMs()
    this.#call?.resume()
  }

  /** Ends the attempt for a reason of our own. */
  fail(fault: Fault): void {
    if (this.#ending !== undefined) return
    this.#call?.cancel()
    this.#end({ kind: 'fault', fault, usage: undefined })
  }

  /** The caller left. */
  leave(): void {
    if (this.#ending !== undefined) return
    this.#call?.cancel()
    this.#end({ kind: 'gone' })
  }

  get isFinishing(): boolean {
    return this.#call?.isFinishing ?? false
  }

  delivered(): Delivered {
    return this.#call?.delivered() ?? NOTHING
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return
    this.#ending = ending
    this.#wake?.()
    for (const listener of this.#onOver) listener()
  }

  /** One waits at a time: first for the start, then for the end. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

const NOTHING: Delivered = { text: '', size: { ascii: 0, other: 0 } }

export const reportedUsage = (ending: Ending): Usage | undefined =>
  ending.kind === 'gone' ? undefined : ending.usage
