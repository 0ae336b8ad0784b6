import type { ServerResponse } from 'node:http'
import type { Failure } from '../domain/failure.ts'
import type { Reply, ReplyHeaders } from '../ports/reply.ts'
import { errorResponse } from './error-responses.ts'
import { GUARD_HEADERS } from './identify.ts'

const GUARDS = Object.entries(GUARD_HEADERS).flat()

const STREAM_HEADERS = [
  ...['content-type', 'text/event-stream; charset=utf-8'],
  ...GUARDS,
  ...['cache-control', 'no-store, no-transform'],
  ...['x-accel-buffering', 'no'],
]

/** Ends in the name whose value is not known yet. */
const JSON_HEADERS = [
  ...['content-type', 'application/json'],
  ...GUARDS,
  ...['cache-control', 'no-store'],
  'content-length',
]

const CHUNKED = ['transfer-encoding', 'chunked']
const LAST_CHUNK = '0\r\n\r\n'
const CRLF = 0x0d0a

function chunkOf(bytes: Uint8Array | string): Buffer {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const size = data.byteLength.toString(16)
  const chunk = Buffer.allocUnsafe(size.length + data.byteLength + 4)
  const at = chunk.write(size, 'latin1')
  chunk.writeUInt16BE(CRLF, at)
  chunk.set(data, at + 2)
  chunk.writeUInt16BE(CRLF, chunk.byteLength - 2)
  return chunk
}

/** The way back over Node's response. */
export class NodeReply implements Reply {
  readonly #res: ServerResponse
  readonly #common: string[]
  readonly #quotaStatus: number
  readonly #goneListeners: (() => void)[] = []
  #isDone = false
  /** The body's chunks are put together here. */
  #isChunked = false
  #hasWritten = false

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

  /** Node writes a chunk's size, its bytes and its ends one by one, and gathers them again in the next turn: half of what a write costs. */
  begin(headers: ReplyHeaders): void {
    const res = this.#res
    if (res.destroyed) return
    this.#isChunked = res.useChunkedEncodingByDefault // no HTTP/1.0
    const framing = this.#isChunked ? CHUNKED : []
    res.writeHead(200, [...this.#common, ...STREAM_HEADERS, ...framing, ...headers])
    res.chunkedEncoding = false
  }

  /** A response that is gone takes no bytes and never drains: waiting for it would lose the upstream's socket. */
  write(bytes: Uint8Array | string): boolean {
    const res = this.#res
    if (res.destroyed || bytes.length === 0) return true // an empty chunk would be the last one
    if (!this.#isChunked) return res.write(bytes)
    const chunk = chunkOf(bytes)
    const isFirst = !this.#hasWritten
    this.#hasWritten = true
    if (isFirst || res.socket === null || res.writableLength > 0) return res.write(chunk)
    // Nothing waits before it, the head included. Only a socket that is full by now has to tell the response when it is not.
    return res.socket.write(chunk) || res.write('')
  }

  onWritable(listener: () => void): void {
    this.#res.on('drain', listener)
  }

  end(): void {
    this.#isDone = true
    if (this.#isChunked) this.#res.end(LAST_CHUNK, 'latin1')
    else this.#res.end()
  }

  fail(failure: Failure): void {
    if (this.#res.destroyed) return
    const { status, headers, body } = errorResponse(failure, this.#quotaStatus)
    if (!this.#res.headersSent) {
      this.#sendJson(status, Object.entries(headers).flat(), Buffer.from(JSON.stringify(body)))
      return
    }
    this.write(`data: ${JSON.stringify(body)}\n\n`)
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
