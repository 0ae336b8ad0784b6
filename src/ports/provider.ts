import type { ChatRequest } from '../domain/chat-request.ts'
import type { TextSize } from '../domain/estimate.ts'
import type { Fault } from '../domain/fault.ts'
import type { Deployment } from '../domain/model.ts'
import type { Usage } from '../domain/usage.ts'

export type ProviderCall = Readonly<{
  request: ChatRequest
  deployment: Deployment
  /** Output tokens per answer. */
  cap: number
  requestId: string
  /** For its `traceparent` header; undefined where nothing is traced. */
  traceparent?: string | undefined
  /** Asks for the rest of an answer that broke off elsewhere. */
  continued?: Continued | undefined
}>

/** What the caller has of a stream, and what stands in all of its chunks. */
export type Continued = Readonly<{ text: string; head: StreamHead }>
export type StreamHead = Readonly<{ id: string; created: number; model: string }>

/** What the caller will have received; asked for only when the provider did not say what it used. */
export type Delivered = Readonly<{
  text: string
  size: TextSize
  /** All of it is text of the answer itself: no reasoning, no calls, nothing but text. */
  isContent?: boolean
}>

export type AnswerEnd =
  /** A real finish. Usage is undefined when the provider did not report any. */
  | {
      kind: 'finished'
      usage: Usage | undefined
      serviceTier: string | undefined
      /** Streamed and reported: the provider's usage chunk, which callers see only if they asked. */
      usageChunk: Record<string, unknown> | undefined
      /** Not streamed: the whole answer; as text where that is short and ASCII. */
      body: Uint8Array | string | undefined
    }
  /** `usage` is what was reported before the end, if anything. */
  | { kind: 'fault'; fault: Fault; usage: Usage | undefined }

/** Is told, in this order: accepted at most once, frames any number of times, ended exactly once. */
export interface AnswerListener {
  /** The request went out on a live connection: from here on the provider may charge for it. */
  accepted(): void
  /**
   * Whole server-sent events, to be written as they are, and good during the call alone. Visible: a token of the answer has
   * come by now.
   */
  frames(bytes: Uint8Array, visible: boolean): void
  ended(end: AnswerEnd): void
}

export interface RunningCall {
  pause(): void
  resume(): void
  /** Ends the call at once. `ended` is not told of it. */
  cancel(): void
  /** Ends the call at once, as if it had failed here: `ended` is told that, or of the answer where all of it is there. */
  giveUp(fault: Fault): void
  /** The finish has been seen, and the usage is about to come. */
  readonly isFinishing: boolean
  /** Of a stream: whether the finish of this one of its choices has been seen. */
  isFinished?(choice: number): boolean
  /** Of a stream, once its first chunk has come. */
  readonly head?: StreamHead | undefined
  delivered(): Delivered
}

/** What a probe found out. Unknown: the answer says nothing of completions. */
export type Probed =
  | Readonly<{ kind: 'well' }>
  | Readonly<{ kind: 'refused'; status: number; detail: string }>
  | Readonly<{ kind: 'down' | 'unknown'; detail: string }>

/** One way of speaking to an upstream. */
export interface Provider {
  send(call: ProviderCall, listener: AnswerListener): RunningCall
  /** Asks it something that costs nothing, with one of its keys. Absent: there is nothing to ask. */
  readonly probe?: (keyIndex: number, timeoutMs: number) => Promise<Probed>
  close(): Promise<void>
}

export type Providers = (id: string) => Provider | undefined
