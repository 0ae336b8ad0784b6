import { isObject, type JsonObject } from '../../domain/chat-request.ts'
import type { Fault } from '../../domain/fault.ts'
import type { AnswerEnd, AnswerListener, Delivered } from '../../ports/provider.ts'
import { textSize } from '../../domain/estimate.ts'
import { broken, faultFromError } from './faults.ts'
import { repairedAnswer } from './repair.ts'
import { tooLarge, UpstreamCall } from './upstream-call.ts'
import { isFinish, usageFrom } from './usage.ts'

const ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** Node writes strings up to here from its stack. */
const TEXT_BYTES_MAX = 15 * 1024

/** An answer in one piece. It goes to the caller as the bytes it came in. */
export class WholeCall extends UpstreamCall {
  readonly isFinishing = false
  readonly #publicModel: string | undefined
  #pieces: Buffer[] = []
  #bytes = 0
  #answer: JsonObject | undefined

  /** With a public model name, the answer is rewritten to carry that. */
  constructor(listener: AnswerListener, publicModel: string | undefined) {
    super(listener)
    this.#publicModel = publicModel
  }

  protected begin(): undefined {
    return undefined
  }

  protected data(bytes: Buffer, isEnd: boolean): void {
    this.#bytes += bytes.byteLength
    if (this.#bytes > ANSWER_BYTES_MAX) this.broke(tooLarge())
    else if (!isEnd) this.#pieces.push(Buffer.from(bytes))
    else {
      const isOnly = this.#pieces.length === 0
      this.finish(this.#read(isOnly ? bytes : Buffer.concat([...this.#pieces, bytes])), true)
    }
  }

  delivered(): Delivered {
    const choices = this.#answer?.['choices']
    const texts = (Array.isArray(choices) ? choices : []).filter(isObject).flatMap(textsOf)
    const text = texts.join('')
    return { text, size: textSize(text, Buffer.byteLength(text)) }
  }

  #read(body: Buffer): AnswerEnd {
    const text = body.toString()
    const answer = parsed(text)
    const fault = faultIn(answer)
    if (answer === undefined || fault !== undefined) {
      return { kind: 'fault', fault: fault ?? broken('the answer is not JSON'), usage: undefined }
    }
    this.#answer = answer
    const tier = answer['service_tier']
    return {
      kind: 'finished',
      usage: usageFrom(answer['usage']),
      serviceTier: typeof tier === 'string' ? tier : undefined,
      usageChunk: undefined,
      body:
        this.#publicModel === undefined
          ? sendable(body, text)
          : Buffer.from(JSON.stringify(repairedAnswer(answer, this.#publicModel))),
    }
  }
}

/** Text that has as many bytes as characters is ASCII. The bytes are copied out of memory that is used again. */
const sendable = (body: Buffer, text: string): Buffer | string =>
  text.length === body.byteLength && text.length <= TEXT_BYTES_MAX ? text : Buffer.from(body)

function parsed(text: string): JsonObject | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    return isObject(answer) ? answer : undefined
  } catch {
    return undefined
  }
}

/** A 200 may carry an error, nothing at all, or something that is no chat completion. */
function faultIn(answer: JsonObject | undefined): Fault | undefined {
  if (answer === undefined) return broken('the answer is not a JSON object')
  if (answer['error']) return faultFromError(answer['error'])
  const choices = answer['choices']
  if (!Array.isArray(choices)) return broken('the answer has no choices')
  const isEmpty = choices.every(
    (one) => !isObject(one) || (!isFinish(one['finish_reason']) && textsOf(one).length === 0),
  )
  return isEmpty ? { kind: 'empty', detail: 'the answer has neither output nor finish' } : undefined
}

/** All that a model wrote in one choice: text, reasoning, refusal, tool calls, what is spoken. */
function textsOf(choice: JsonObject): string[] {
  const message = isObject(choice['message']) ? choice['message'] : {}
  const audio = isObject(message['audio']) ? message['audio'] : {}
  const said = ['content', 'reasoning_content', 'reasoning', 'refusal'].map((name) => message[name])
  const texts = [...said, audio['transcript']].flatMap(textsIn)
  const calls = message['tool_calls']
  return Array.isArray(calls) && calls.length > 0 ? [...texts, JSON.stringify(calls)] : texts
}

/** A text, or one in parts, as some providers send it; what was thought is one level further in. */
function textsIn(value: unknown): string[] {
  const parts = partsOf(value)
  const all = [value, ...parts.flatMap(({ text, thinking }) => [text, ...thoughtsIn(thinking)])]
  return all.filter((text) => typeof text === 'string').filter((text) => text !== '')
}

const partsOf = (value: unknown): JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : []

const thoughtsIn = (value: unknown): unknown[] => partsOf(value).map(({ text }) => text)
