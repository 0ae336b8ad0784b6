import type { ServerResponse } from 'node:http'
import type { Failure } from '../domain/failure.ts'
import type { Reply, ReplyHeaders } from '../ports/reply.ts'
import { errorResponse } from './error-responses.ts'

const STREAM_HEADERS = [
  ...['content-type', 'text/event-stream; charset=utf-8'],
  ...['x-content-type-options', 'nosniff'],
  ...['cache-control', 'no-store, no-transform'],
  ...['x-accel-buffering', 'no'],
]

/** Ends in the name whose value is not known yet. */
const JSON_HEADERS = [
  ...['content-type', 'application/json'],
  ...['x-content-type-options', 'nosniff'],
  ...['cache-control', 'no-store'],
  'content-length',
]

/** The way back over Node's response. */
export class NodeReply implements Reply {
  readonly #res: ServerResponse
  readonly #common: string[]
  readonly #quotaStatus: number
  readonly #goneListeners: (() => void)[] = []
  #isDone = false

  /** `common`: headers of every answer, whatever becomes of the request. */
  constructor(res: ServerResponse, common: string[], quotaStatus: number) {
    this.#res = res
    this.#common = common
    this.#quotaStatus = quotaStatus
    res.on('close', () => {
      if (!this.#isDone) for (const listener of this.#goneListeners) listener()
      this.#goneListeners.length = 0
    })
  }

  get isGone(): boolean {
    return this.#res.destroyed && !this.#isDone
  }

  get hasBegun(): boolean {
    return this.#res.headersSent
  }

  announce(headers: ReplyHeaders): void {
    this.#common.push(...headers)
  }

  onGone(listener: () => void): void {
    if (this.isGone) listener()
    else this.#goneListeners.push(listener)
  }

  send(headers: ReplyHeaders, body: Uint8Array | string): void {
    this.#sendJson(200, headers, body)
  }

  begin(headers: ReplyHeaders): void {
    if (this.#res.destroyed) return
    this.#res.writeHead(200, [...this.#common, ...STREAM_HEADERS, ...headers])
  }

  /** A response that is gone takes no bytes and never drains: waiting for it would lose the upstream's socket. */
  write(bytes: Uint8Array | string): boolean {
    return this.#res.destroyed || this.#res.write(bytes)
  }

  onWritable(listener: () => void): void {
    this.#res.on('drain', listener)
  }

  end(): void {
    this.#isDone = true
    this.#res.end()
  }

  fail(failure: Failure): void {
    if (this.#res.destroyed) return
    const { status, headers, body } = errorResponse(failure, this.#quotaStatus)
    if (!this.#res.headersSent) {
      this.#sendJson(status, Object.entries(headers).flat(), Buffer.from(JSON.stringify(body)))
      return
    }
    this.#res.write(`data: ${JSON.stringify(body)}\n\n`)
    this.end()
  }

  drop(): void {
    this.#res.destroy()
  }

  #sendJson(status: number, headers: ReplyHeaders, body: Uint8Array | string): void {
    if (this.#res.destroyed) return
    this.#isDone = true
    const isText = typeof body === 'string'
    const length = String(isText ? body.length : body.byteLength)
    this.#res.writeHead(status, [...this.#common, ...JSON_HEADERS, length, ...headers])
    if (isText) this.#res.end(body, 'latin1')
    else this.#res.end(body)
  }
}
