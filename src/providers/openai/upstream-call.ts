import type { Fault } from '../../domain/fault.ts'
import type { AnswerListener, Delivered, RunningCall } from '../../ports/provider.ts'
import type { HttpConnection, ResponseReader } from '../http-connection.ts'
import type { HttpPool } from '../http-pool.ts'
import type { ResponseHead } from '../response-head.ts'
import { broken, faultFromNetwork, faultFromStatus, tellable } from './faults.ts'

/** Bytes of an error's body that are worth reading. */
const ERROR_BYTES_MAX = 64 * 1024

/**
 * One call on the wire, with what streamed and whole answers have in common: cancelling at any moment, refusals by
 * status, and network trouble. Tells its listener of the end exactly once, and never after `cancel`.
 */
export abstract class UpstreamCall implements ResponseReader, RunningCall {
  protected readonly listener: AnswerListener
  #connection: HttpConnection | undefined
  #isOver = false
  #status = 0
  #apiKey = ''
  #retryAfter: string | undefined
  #errorBody: Buffer[] = []
  #errorBytes = 0

  constructor(listener: AnswerListener) {
    this.listener = listener
  }

  abstract readonly isFinishing: boolean
  abstract delivered(): Delivered
  protected abstract begin(contentType: string): Fault | undefined
  /** The bytes are good during the call alone. */
  protected abstract data(bytes: Buffer, isEnd: boolean): void

  protected get isOver(): boolean {
    return this.#isOver
  }

  /** The key stands in the request, and is nobody's business in what comes back. */
  start(pool: HttpPool, request: string, apiKey: string): void {
    this.#apiKey = apiKey
    this.#connection = pool.ask(request, this)
    if (this.#isOver) this.#connection.drop(this)
  }

  pause(): void {
    this.#connection?.pause(this)
  }

  resume(): void {
    this.#connection?.resume(this)
  }

  cancel(): void {
    this.#isOver = true
    this.#connection?.drop(this)
  }

  giveUp(fault: Fault): void {
    this.broke(fault)
  }

  onSent(): void {
    this.listener.accepted()
  }

  onHead({ status, contentType, retryAfter }: ResponseHead): void {
    this.#status = status
    if (status !== 200) {
      this.#retryAfter = retryAfter
      return
    }
    const fault = this.begin(contentType)
    if (fault !== undefined) this.broke(fault)
  }

  onBody(bytes: Buffer, isEnd: boolean): void {
    if (this.#isOver) return
    if (this.#status === 200) {
      this.data(bytes, isEnd)
      return
    }
    if (this.#errorBytes < ERROR_BYTES_MAX) {
      this.#errorBody.push(Buffer.from(bytes))
      this.#errorBytes += bytes.byteLength
    }
    if (!isEnd) return
    const body = Buffer.concat(this.#errorBody).toString()
    this.broke(faultFromStatus(this.#status, body, this.#retryAfter))
  }

  onFailed(error: Error): void {
    if (!this.#isOver) this.broke(faultFromNetwork(error, this.#status !== 0))
  }

  /** The call failed, perhaps in the middle of an answer. */
  protected broke(fault: Fault): void {
    this.finish({ kind: 'fault', fault, usage: undefined })
  }

  /** Tells the end and stops listening. A whole answer's connection can have another one. */
  protected finish(end: Parameters<AnswerListener['ended']>[0], isWhole = false): void {
    if (this.#isOver) return
    this.#isOver = true
    if (isWhole) this.#connection?.leave(this)
    else this.#connection?.drop(this)
    if (end.kind !== 'fault') this.listener.ended(end)
    else this.listener.ended({ ...end, fault: tellable(end.fault, this.#apiKey) })
  }
}

export const tooLarge = (): Fault => broken('the answer is too large')
