import type { Dispatcher } from 'undici'
import type { Fault } from '../../domain/fault.ts'
import type { AnswerListener, Delivered, RunningCall } from '../../ports/provider.ts'
import { broken, faultFromNetwork, faultFromStatus } from './faults.ts'

/** Bytes of an error's body that are worth reading. */
const ERROR_BYTES_MAX = 64 * 1024

/** Heads that only say that there is more to come, such as early hints. */
const INTERIMS_MAX = 100

/**
 * One call on undici's wire, with what streamed and whole answers have in common: cancelling at any moment, refusals by
 * status, and network trouble. Tells its listener of the end exactly once, and never after `cancel`.
 *
 * It is the older form of undici's handlers: the present one parses every header into an object and goes through a
 * controller, which costs a stream as much as looking at its chunks does.
 */
export abstract class UpstreamCall implements Dispatcher.DispatchHandler, RunningCall {
  protected readonly listener: AnswerListener
  #abort: ((reason: Error) => void) | undefined
  #resume: (() => void) | undefined
  #isOver = false
  #isPaused = false
  #status = 0
  #interims = 0
  #retryAfter: string | undefined
  #errorBody: Buffer[] = []
  #errorBytes = 0

  constructor(listener: AnswerListener) {
    this.listener = listener
  }

  abstract readonly isFinishing: boolean
  abstract delivered(): Delivered
  protected abstract begin(contentType: string): Fault | undefined
  protected abstract data(bytes: Buffer): void
  /** The answer has ended as HTTP goes. */
  protected abstract end(): void

  protected get isOver(): boolean {
    return this.#isOver
  }

  /** What undici has read already still comes. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#resume?.()
  }

  cancel(): void {
    this.#isOver = true
    this.#abort?.(CANCELLED)
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort
    // The caller may have left while the request waited for a connection.
    if (this.#isOver) abort(CANCELLED)
    else this.listener.accepted()
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void): boolean {
    if (this.#isOver) return true
    this.#resume = resume
    this.#status = status
    if (status < 200) {
      if (++this.#interims > INTERIMS_MAX) this.broke(broken('heads without end'))
      return true
    }
    if (status === 200) {
      const fault = this.begin(headerOf(headers, 'content-type') ?? '')
      if (fault !== undefined) this.finish({ kind: 'fault', fault, usage: undefined })
    } else this.#retryAfter = headerOf(headers, 'retry-after')
    return !this.#isPaused
  }

  onData(bytes: Buffer): boolean {
    if (this.#isOver) return true
    if (this.#status === 200) this.data(bytes)
    else if (this.#errorBytes < ERROR_BYTES_MAX) {
      this.#errorBody.push(bytes)
      this.#errorBytes += bytes.byteLength
    }
    return !this.#isPaused
  }

  onComplete(): void {
    if (this.#isOver) return
    if (this.#status === 200) {
      this.end()
      return
    }
    const body = Buffer.concat(this.#errorBody).toString()
    const fault = faultFromStatus(this.#status, body, this.#retryAfter)
    this.finish({ kind: 'fault', fault, usage: undefined })
  }

  onError(error: Error): void {
    this.failed(error)
  }

  failed(error: Error): void {
    if (this.#isOver) return
    this.broke(faultFromNetwork(error, this.#status !== 0))
  }

  /** The connection failed, perhaps in the middle of an answer. */
  protected broke(fault: Fault): void {
    this.finish({ kind: 'fault', fault, usage: undefined })
  }

  /** Tells the end and stops listening; what the provider may still send is not read. */
  protected finish(end: Parameters<AnswerListener['ended']>[0], isComplete = false): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!isComplete) this.#abort?.(CANCELLED)
    this.listener.ended(end)
  }
}

/** The first header of that name, in the pairs that undici hands out. */
function headerOf(headers: readonly Buffer[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const found = headers[at]
    if (found?.length === name.length && found.toString('latin1').toLowerCase() === name)
      return headers[at + 1]?.toString('latin1')
  }
  return undefined
}

/** Undici wants a reason; nobody reads it. */
const CANCELLED = new Error('cancelled')

export const tooLarge = (): Fault => broken('the answer is too large')
