import { isObject, type JsonObject } from '../../domain/chat-request.ts'
import type { Fault } from '../../domain/fault.ts'
import type { StreamHead } from '../../ports/provider.ts'
import type { Usage } from '../../domain/usage.ts'
import { repairedChunk, repairedUsage, type Repair } from './repair.ts'
import { Choices } from './choices.ts'
import { DeliveredText } from './delivered.ts'
import { broken, faultFromError } from './faults.ts'
import { FrameTemplate } from './frame-template.ts'
import { OrdinaryFrames } from './ordinary-frames.ts'
import { SseFrames, type FrameListener } from './sse-frames.ts'
import { isFinish, usageFrom } from './usage.ts'

/**
 * Watches a stream of chat completion chunks go by. Ordinary chunks pass as the bytes they came in; only the first
 * one, finishes, usage, errors and whatever looks wrong are parsed.
 */
export class StreamScanner implements FrameListener {
  /** A token of the answer has come by: text, reasoning, a refusal, or part of a tool call. */
  isVisible = false
  isDone = false
  usage: Usage | undefined
  serviceTier: string | undefined
  usageChunk: JsonObject | undefined
  /** Of the first chunk, as its caller sees it. */
  head: StreamHead | undefined
  fault: Fault | undefined
  readonly delivered = new DeliveredText()

  readonly #frames = new SseFrames()
  readonly #ordinary = new OrdinaryFrames()
  readonly #template = new FrameTemplate()
  readonly #repair: Repair | undefined
  readonly #choices: Choices
  #mayPass = false
  #out: Uint8Array[] = []

  constructor(repair: Repair | undefined, choices = 1) {
    this.#repair = repair
    this.#choices = new Choices(choices)
  }

  /** All that was asked for has finished: what comes behind it cannot spoil it. */
  get hasFinish(): boolean {
    return this.#choices.haveFinished
  }

  /** What has begun has finished: at `[DONE]`, or at its proper end, the stream is whole. */
  get mayEnd(): boolean {
    return this.#choices.areWhole
  }

  isFinished(choice: number): boolean {
    return this.#choices.isFinished(choice)
  }

  /** The frames in this piece of the stream that the caller should get; it may end in the middle of one. */
  push(piece: Buffer): Uint8Array | undefined {
    this.#mayPass = this.isVisible && this.#repair === undefined && this.#choices.haveBegun
    const plain = this.#frames.isBetween ? this.#skim(piece) : 0
    if (plain === piece.byteLength) return piece
    if (plain > 0) this.#out.push(piece.subarray(0, plain))
    this.#frames.push(plain === 0 ? piece : piece.subarray(plain), this)
    this.#ordinary.clear()
    const [first] = this.#out
    if (first === undefined) return undefined
    const frames = this.#out.length === 1 ? first : Buffer.concat(this.#out)
    this.#out = []
    return frames
  }

  /** How many bytes from the start are plain at the first glance. */
  #skim(bytes: Uint8Array): number {
    if (!this.#mayPass || this.isDone || this.fault !== undefined) return 0
    const length = this.#template.skim(bytes, this.delivered)
    if (length > 0 && !this.#template.isContent) this.delivered.isContent = false
    return length
  }

  isPlain(text: string, from: number, to: number): boolean {
    if (!this.#mayPass || this.isDone || this.fault !== undefined) return false
    if (!this.#ordinary.is(text, from, to)) return false
    this.#template.learn(text.slice(from, to))
    return true
  }

  plain(frames: Uint8Array): void {
    this.delivered.addFrames(frames)
    this.#out.push(frames)
  }

  payload(payload: string): void {
    const frame = this.#inspect(payload)
    if (frame === undefined) return
    this.delivered.addPayload(payload)
    this.#out.push(frame)
  }

  bad(why: string): void {
    this.fault ??= broken(why)
  }

  #inspect(payload: string): Uint8Array | undefined {
    if (this.isDone || this.fault !== undefined) return undefined
    if (payload === '[DONE]') {
      this.isDone = true
      return undefined
    }
    const chunk = parsed(payload)
    if (chunk === undefined) {
      if (payload.trim() === '') return undefined // a sign of life, and the SDKs would stop at it
      this.fault = broken('a chunk is not a JSON object')
      return undefined
    }
    if (hasError(chunk)) {
      this.fault = faultFromError(chunk['error'])
      return undefined
    }
    return this.#forward(chunk, payload)
  }

  /** Usage is taken out of the stream, wherever the provider put it; empty chunks are dropped. */
  #forward(chunk: JsonObject, payload: string): Uint8Array | undefined {
    const usage = usageFrom(chunk['usage'])
    if (usage !== undefined) this.#noteUsage(usage, chunk)
    const tier = chunk['service_tier']
    if (typeof tier === 'string') this.serviceTier = tier
    const choices: unknown = chunk['choices']
    if (!Array.isArray(choices) || choices.length === 0) return undefined
    let position = 0
    for (const choice of choices) this.#noteChoice(choice, position++)
    if (this.#repair !== undefined) {
      const repaired = repairedChunk(chunk, this.#repair)
      this.head ??= headOf(repaired)
      return frame(JSON.stringify(repaired))
    }
    this.head ??= headOf(chunk)
    if (usage === undefined && !payload.includes('\n')) return frame(payload)
    const { usage: _taken, ...rest } = chunk
    return frame(JSON.stringify(rest))
  }

  #noteUsage(usage: Usage, chunk: JsonObject): void {
    this.usage = usage
    this.usageChunk = { ...chunk, choices: [] }
    if (this.#repair === undefined) return
    const straight = repairedChunk(this.usageChunk, this.#repair)
    this.usageChunk = { ...straight, usage: repairedUsage(chunk['usage']) }
  }

  #noteChoice(choice: unknown, position: number): void {
    if (!isObject(choice)) return
    const index = choice['index']
    const isOver = isFinish(choice['finish_reason'])
    this.#choices.note(typeof index === 'number' ? index : position, isOver)
    if (!this.isVisible && isObject(choice['delta']) && showsToken(choice['delta'])) {
      this.isVisible = true
    }
  }
}

const VISIBLE = [
  'content',
  'reasoning_content',
  'reasoning',
  'refusal',
  'tool_calls',
  'images',
] as const

/** Text, or a list of parts as some providers send it. */
const holdsSomething = (value: unknown): boolean =>
  (typeof value === 'string' || Array.isArray(value)) && value.length > 0

function showsToken(delta: JsonObject): boolean {
  if (VISIBLE.some((name) => holdsSomething(delta[name]))) return true
  return isObject(delta['function_call']) || isObject(delta['audio'])
}

function headOf({ id, created, model }: JsonObject): StreamHead | undefined {
  if (typeof id !== 'string' || typeof model !== 'string') return undefined
  return { id, created: typeof created === 'number' ? created : 0, model }
}

const hasError = (chunk: JsonObject): boolean => Boolean(chunk['error'])

function parsed(payload: string): JsonObject | undefined {
  try {
    const chunk: unknown = JSON.parse(payload)
    return isObject(chunk) ? chunk : undefined
  } catch {
    return undefined
  }
}

const frame = (payload: string): Uint8Array => Buffer.from(`data: ${payload}\n\n`)
