import type { Failure } from '../domain/failure.ts'
import { formatCredits, type MicroCredits } from '../domain/money.ts'
import type { Clock } from '../ports/clock.ts'
import type { GatewaySettings } from '../ports/catalog.ts'
import type { Reply } from '../ports/reply.ts'
import { answerHeaders, type Answering } from './answer-headers.ts'
import { Watch } from './watch.ts'

/** An event stream to the caller: its head, its keep-alive comments, and its end. */
export class StreamReply {
  readonly #reply: Reply
  readonly #clock: Clock
  readonly #watch: Watch | undefined
  #lastTicks: number

  constructor(reply: Reply, clock: Clock, keepAlive: GatewaySettings['keepAlive']) {
    this.#reply = reply
    this.#clock = clock
    this.#lastTicks = clock.ticksMs()
    if (!keepAlive.isOn) return
    // The first comment fixes the status at 200, so it waits longer: an early failure keeps its own status.
    const dueAt = () => this.#lastTicks + (reply.hasBegun ? keepAlive.everyMs : keepAlive.delayMs)
    this.#watch = new Watch(clock, [{ dueAt, run: () => this.#comment() }])
  }

  begin(answering: Answering): void {
    if (!this.#reply.hasBegun) this.#reply.begin(answerHeaders(answering))
  }

  write(bytes: Uint8Array): boolean {
    this.#lastTicks = this.#clock.ticksMs()
    return this.#reply.write(bytes)
  }

  onWritable(listener: () => void): void {
    this.#reply.onWritable(listener)
  }

  onGone(listener: () => void): void {
    this.#reply.onGone(listener)
  }

  drop(): void {
    this.#reply.drop()
  }

  /** The usage chunk, for those who asked for it, with what the answer cost; and the end that only a real finish has. */
  finish({ usageChunk, cost }: { usageChunk: JsonChunk | undefined; cost: MicroCredits }): void {
    this.stop()
    if (usageChunk !== undefined) this.#reply.write(usageFrame(usageChunk, cost))
    this.#reply.write('data: [DONE]\n\n')
    this.#reply.end()
  }

  fail(failure: Failure): void {
    this.stop()
    this.#reply.fail(failure)
  }

  stop(): void {
    this.#watch?.stop()
  }

  #comment(): void {
    if (!this.#reply.hasBegun) this.#reply.begin({})
    this.#lastTicks = this.#clock.ticksMs()
    this.#reply.write(': keep-alive\n\n')
  }
}

type JsonChunk = Readonly<Record<string, unknown>>

function usageFrame(chunk: JsonChunk, cost: MicroCredits): string {
  const usage = { ...(chunk['usage'] as object), cost: Number(formatCredits(cost)) }
  return `data: ${JSON.stringify({ ...chunk, usage })}\n\n`
}
