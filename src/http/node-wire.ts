import type { ServerResponse } from 'node:http'
import { namesAndValues } from '../ports/header-lines.ts'
import { chunkOf, LAST_CHUNK, type AnswerHead, type Wire, type WireListener } from './wire.ts'

const CHUNKED = ['transfer-encoding', 'chunked']

/** Over Node's response. */
export class NodeWire implements Wire {
  readonly #res: ServerResponse
  /** The body's chunks are put together here. */
  #isChunked = false
  #hasWritten = false

  constructor(res: ServerResponse) {
    this.#res = res
  }

  tell(listener: WireListener): void {
    this.#res.on('close', () => {
      listener.closed()
    })
    this.#res.on('drain', () => {
      listener.drained()
    })
  }

  get isGone(): boolean {
    return this.#res.destroyed
  }

  whole(head: AnswerHead, body: Uint8Array | string): void {
    const isText = typeof body === 'string'
    const length = ['content-length', String(isText ? body.length : body.byteLength)]
    this.#res.writeHead(head.status, listOf(head, length))
    if (isText) this.#res.end(body, 'latin1')
    else this.#res.end(body)
  }

  /** Node writes a chunk's size, its bytes and its ends one by one, and gathers them again in the next turn: half of what a write costs. */
  begin(head: AnswerHead): void {
    const res = this.#res
    this.#isChunked = res.useChunkedEncodingByDefault // no HTTP/1.0
    res.writeHead(head.status, listOf(head, this.#isChunked ? CHUNKED : []))
    res.chunkedEncoding = false
  }

  write(bytes: Uint8Array | string): boolean {
    const res = this.#res
    if (res.destroyed) return true
    if (!this.#isChunked) return res.write(typeof bytes === 'string' ? bytes : Buffer.from(bytes))
    const chunk = chunkOf(bytes)
    const isFirst = !this.#hasWritten
    this.#hasWritten = true
    if (isFirst || res.socket === null || res.writableLength > 0) return res.write(chunk)
    // Nothing waits before it, the head included. Only a socket that is full by now has to tell the response when it is not.
    return res.socket.write(chunk) || res.write('')
  }

  end(): void {
    if (this.#isChunked) this.#res.end(LAST_CHUNK, 'latin1')
    else this.#res.end()
  }

  closeAfter(): void {
    this.#res.shouldKeepAlive = false
  }
}

const listOf = ({ before, after }: AnswerHead, framing: readonly string[]): string[] => [
  ...namesAndValues(before),
  ...framing,
  ...namesAndValues(after),
]
