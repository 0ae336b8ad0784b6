import type { Fault } from '../../domain/fault.ts'
import type { AnswerListener, Delivered, StreamHead } from '../../ports/provider.ts'
import { broken } from './faults.ts'
import type { Repair } from './repair.ts'
import { StreamScanner } from './stream-scanner.ts'
import { tooLarge, UpstreamCall } from './upstream-call.ts'

const STREAM_BYTES_MAX = 64 * 1024 * 1024
/** A token with all that can be asked of it, which is twenty others that it might have been. */
const TOKEN_BYTES_MAX = 4 * 1024

/** The last event counts even if its end was left out. */
const LAST_LINE_END = Buffer.from('\n\n')

/** How many answers of how many tokens each. */
type Asked = Readonly<{ choices: number; cap: number }>

/** An answer as a stream of chunks, told onwards as they come. */
export class StreamCall extends UpstreamCall {
  readonly #scanner: StreamScanner
  readonly #tokensMax: number
  #bytes = 0

  constructor(listener: AnswerListener, repair: Repair | undefined, { choices, cap }: Asked) {
    super(listener)
    this.#scanner = new StreamScanner(repair, choices)
    this.#tokensMax = cap * choices
  }

  get isFinishing(): boolean {
    return this.#scanner.hasFinish
  }

  isFinished(choice: number): boolean {
    return this.#scanner.isFinished(choice)
  }

  protected begin(contentType: string): Fault | undefined {
    // Some upstreams leave the type out; JSON or a page is an error in disguise, and is told apart by its bytes.
    return contentType.startsWith('text/html') ? broken('the answer is a web page') : undefined
  }

  protected data(bytes: Buffer, isEnd: boolean): void {
    if (bytes.byteLength > 0) this.#scan(bytes)
    if (!isEnd || this.isOver) return
    this.#scan(LAST_LINE_END)
    this.#conclude(true)
  }

  #scan(bytes: Buffer): void {
    const scanner = this.#scanner
    this.#bytes += bytes.byteLength
    const frames = scanner.push(bytes)
    if (frames !== undefined) this.listener.frames(frames, scanner.isVisible)
    if (scanner.fault !== undefined) this.broke(scanner.fault)
    else if (this.#bytes > STREAM_BYTES_MAX && this.#isBeyondAsked) this.broke(tooLarge())
    else if (scanner.isDone) this.#conclude(true)
  }

  /** What was asked for passes, however long it is: cut off, it would be the operator's to pay. */
  get #isBeyondAsked(): boolean {
    return this.#bytes > this.#tokensMax * TOKEN_BYTES_MAX
  }

  /** A stream that breaks after its finish is whole all the same. */
  protected override broke(fault: Fault): void {
    if (this.#scanner.hasFinish) this.#conclude(false)
    else this.finish({ kind: 'fault', fault, usage: this.#scanner.usage })
  }

  get head(): StreamHead | undefined {
    return this.#scanner.head
  }

  delivered(): Delivered {
    return this.#scanner.delivered.get()
  }

  /** `[DONE]` without a finish is a cut that looks complete; so is one in the middle of another choice. */
  #conclude(isComplete: boolean): void {
    const { mayEnd, isVisible, usage, serviceTier, usageChunk } = this.#scanner
    if (mayEnd) {
      this.finish({ kind: 'finished', usage, serviceTier, usageChunk, body: undefined }, isComplete)
      return
    }
    const fault = isVisible
      ? broken('the stream ended without a finish')
      : ({ kind: 'empty', detail: 'the stream ended without a token' } as const)
    this.finish({ kind: 'fault', fault, usage })
  }
}
