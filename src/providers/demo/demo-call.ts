import { textSize } from '../../domain/estimate.ts'
import type { Fault } from '../../domain/fault.ts'
import type { AnswerListener, Delivered, RunningCall } from '../../ports/provider.ts'
import type { DemoScript } from './demo-script.ts'

export type DemoCallSettings = Readonly<{
  script: DemoScript
  listener: AnswerListener
  paceMs: number
  /** The call is over, however it ended. */
  onOver: (call: DemoCall) => void
}>

/** Plays a script to a listener, a step at a time. Nothing is told before the first turn of the event loop. */
export class DemoCall implements RunningCall {
  readonly #settings: DemoCallSettings
  #next = 0
  #isAccepted = false
  #isPaused = false
  #isOver = false
  #timer: NodeJS.Timeout

  constructor(settings: DemoCallSettings) {
    this.#settings = settings
    this.#timer = setTimeout(() => this.#step(), 0)
  }

  /** All of the answer is out, and its usage comes next. */
  get isFinishing(): boolean {
    return this.#next > 0 && this.#next === this.#settings.script.steps.length
  }

  pause(): void {
    this.#isPaused = true
    clearTimeout(this.#timer)
  }

  resume(): void {
    if (this.#isPaused && !this.#isOver) this.#arm()
    this.#isPaused = false
  }

  cancel(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#settings.onOver(this)
  }

  giveUp(fault: Fault): void {
    if (this.#isOver) return
    this.cancel()
    const { listener, script } = this.#settings
    listener.ended(this.isFinishing ? script.end : { kind: 'fault', fault, usage: undefined })
  }

  delivered(): Delivered {
    const sent = this.#settings.script.steps.slice(0, this.#next)
    const text = sent.map((step) => step.text).join('')
    return { text, size: textSize(text, Buffer.byteLength(text)) }
  }

  #step(): void {
    const { listener, script } = this.#settings
    if (!this.#isAccepted) {
      this.#isAccepted = true
      listener.accepted()
    }
    if (!this.#mayGoOn()) return
    const step = script.steps[this.#next]
    if (step === undefined) {
      this.cancel()
      listener.ended(script.end)
      return
    }
    this.#next++
    listener.frames(step.frames, step.isVisible)
    if (this.#mayGoOn()) this.#arm()
  }

  /** What the listener is told may make it pause or cancel. */
  #mayGoOn(): boolean {
    return !this.#isPaused && !this.#isOver
  }

  #arm(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#step(), this.#settings.paceMs)
  }
}
