import { formatCredits, type MicroCredits } from '../domain/money.ts'
import type { Usage } from '../domain/usage.ts'
import type { Clock } from '../ports/clock.ts'
import type { GatewaySettings } from '../ports/catalog.ts'
import type { StreamHead } from '../ports/provider.ts'
import { NO_LINES } from '../ports/header-lines.ts'
import type { Reply } from '../ports/reply.ts'
import { answerHeaders, type Answering } from './answer-headers.ts'
import type { Watched } from './rounds.ts'

/** Without a blank line behind it: some clients, OpenAI's own for Go among them, take any for an event, and its nothing for JSON. */
const KEEP_ALIVE = ': keep-alive\n'

/** An event stream to the caller: its head, its keep-alive comments, and its end. */
export class StreamReply implements Watched {
  slot = -1
  readonly #reply: Reply
  readonly #keepAlive: GatewaySettings['keepAlive']
  #lastTicks: number
  /** Something was written since the last look. */
  #isFresh = false

  constructor(reply: Reply, clock: Clock, keepAlive: GatewaySettings['keepAlive']) {
    this.#reply = reply
    this.#keepAlive = keepAlive
    this.#lastTicks = clock.ticksMs()
  }

  /** The first comment fixes the status at 200, so it waits longer: an early failure keeps its own status. */
  look(now: number): void {
    const { isOn, everyMs, delayMs } = this.#keepAlive
    if (this.#isFresh) this.#lastTicks = Math.max(now, this.#lastTicks)
    this.#isFresh = false
    if (!isOn || now - this.#lastTicks < (this.#reply.hasBegun ? everyMs : delayMs)) return
    if (!this.#reply.hasBegun) this.#reply.begin(NO_LINES)
    this.#lastTicks = now
    this.#reply.write(KEEP_ALIVE)
  }

  hurry(): void {
    this.#lastTicks = Infinity // no more signs of life: the end is being written
  }

  begin(answering: Answering): void {
    if (!this.#reply.hasBegun) this.#reply.begin(answerHeaders(answering))
  }

  write(bytes: Uint8Array): boolean {
    this.#isFresh = true
    return this.#reply.write(bytes)
  }

  onWritable(listener: () => void): void {
    this.#reply.onWritable(listener)
  }

  onGone(listener: () => void): void {
    this.#reply.onGone(listener)
  }

  /** The usage chunk, for those who asked for it, with what the answer cost; and the end that only a real finish has. */
  finish({ finishChunk, usageChunk, cost }: StreamEnd): void {
    if (finishChunk !== undefined) this.#reply.write(`data: ${JSON.stringify(finishChunk)}\n\n`)
    if (usageChunk !== undefined) this.#reply.write(usageFrame(usageChunk, cost))
    this.#reply.write('data: [DONE]\n\n')
    this.#reply.end()
  }
}

type JsonChunk = Readonly<Record<string, unknown>>

type StreamEnd = Readonly<{
  /** Where the provider did not come to its own. */
  finishChunk: JsonChunk | undefined
  usageChunk: JsonChunk | undefined
  cost: MicroCredits
}>

type Finished = StreamHead & Readonly<{ choices: readonly number[] }>

/** The finish of these choices of a stream that its caller cancelled. */
export const finishChunk = ({ id, created, model, choices }: Finished): JsonChunk => ({
  ...{ id, object: 'chat.completion.chunk', created, model },
  choices: choices.map((index) => ({
    ...{ index, delta: {}, logprobs: null, finish_reason: 'stop' },
  })),
})

function usageFrame(chunk: JsonChunk, cost: MicroCredits): string {
  const usage = { ...(chunk['usage'] as object), cost: Number(formatCredits(cost)) }
  return `data: ${JSON.stringify({ ...chunk, usage })}\n\n`
}

/** The usage chunk of an answer whose provider did not send one: what the gateway counted, and charges. */
export function countedUsageChunk({ id, created, model, usage }: Counted): JsonChunk {
  const { input, cachedInput, cacheWrite, image, audioInput, output, audioOutput } = usage
  const prompt = input + cachedInput + cacheWrite + image + audioInput
  const completion = output + audioOutput
  return {
    ...{ id, object: 'chat.completion.chunk', created, model, choices: [] },
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
    },
  }
}

type Counted = StreamHead & Readonly<{ usage: Usage }>
