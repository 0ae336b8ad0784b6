import type { Dispatcher } from 'undici'
import type { Fault } from '../../domain/fault.ts'
import type { AnswerListener, Delivered, RunningCall } from '../../ports/provider.ts'
import { broken, faultFromNetwork, faultFromStatus } from './faults.ts'

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[] | undefined>

/** Bytes of an error's body that are worth reading. */
const ERROR_BYTES_MAX = 64 * 1024

/**
 * One call on undici's wire, with what streamed and whole answers have in common: cancelling at any moment, refusals by
 * status, and network trouble. Tells its listener of the end exactly once, and never after `cancel`.
 */
export abstract class UpstreamCall implements Dispatcher.DispatchHandler, RunningCall {
  protected readonly listener: AnswerListener
  #controller: Controller | undefined
  #isOver = false
  #wantsPause = false
  #status = 0
  #retryAfter: string | undefined
  #errorBody: Buffer[] = []
  #errorBytes = 0

  constructor(listener: AnswerListener) {
    this.listener = listener
  }

  abstract readonly isFinishing: boolean
  abstract delivered(): Delivered
  protected abstract begin(headers: Headers): Fault | undefined
  protected abstract data(bytes: Buffer): void
  /** The answer has ended as HTTP goes. */
  protected abstract end(): void

  pause(): void {
    this.#wantsPause = true
    this.#controller?.pause()
  }

  resume(): void {
    this.#wantsPause = false
    this.#controller?.resume()
  }

  cancel(): void {
    this.#isOver = true
    this.#controller?.abort(CANCELLED)
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    // The caller may have left while the request waited for a connection.
    if (this.#isOver) controller.abort(CANCELLED)
    else this.listener.accepted()
  }

  onResponseStart(_controller: Controller, status: number, headers: Headers): void {
    if (this.#isOver) return
    this.#status = status
    this.#retryAfter = one(headers['retry-after'])
    if (status < 200) return
    if (status === 200) {
      const fault = this.begin(headers)
      if (fault !== undefined) this.finish({ kind: 'fault', fault, usage: undefined })
    }
    if (this.#wantsPause) this.#controller?.pause()
  }

  onResponseData(_controller: Controller, bytes: Buffer): void {
    if (this.#isOver) return
    if (this.#status === 200) this.data(bytes)
    else if (this.#errorBytes < ERROR_BYTES_MAX) {
      this.#errorBody.push(bytes)
      this.#errorBytes += bytes.byteLength
    }
  }

  onResponseEnd(): void {
    if (this.#isOver) return
    if (this.#status === 200) {
      this.end()
      return
    }
    const body = Buffer.concat(this.#errorBody).toString()
    const fault = faultFromStatus(this.#status, body, this.#retryAfter)
    this.finish({ kind: 'fault', fault, usage: undefined })
  }

  onResponseError(_controller: Controller, error: Error): void {
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
    if (!isComplete) this.#controller?.abort(CANCELLED)
    this.listener.ended(end)
  }
}

export const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header

/** Undici wants a reason; nobody reads it. */
const CANCELLED = new Error('cancelled')

export const tooLarge = (): Fault => broken('the answer is too large')
