import type { HeaderLines } from '../ports/header-lines.ts'

/** Whose answer it is, and who wants to know what becomes of the wire. */
export interface WireListener {
  closed(): void
  /** A caller who read too slowly has caught up. */
  drained(): void
}

/** How an answer's bytes reach its caller. */
export interface Wire {
  tell(listener: WireListener): void
  /** The caller has left. */
  readonly isGone: boolean
  whole(head: AnswerHead, body: Uint8Array | string): void
  /** Begins an answer in pieces. Its head goes out with the first of them. */
  begin(head: AnswerHead): void
  /** False: the caller reads slower than this. */
  write(bytes: Uint8Array | string): boolean
  end(): void
  drop(): void
  /** The connection ends after this answer. */
  closeAfter(): void
}

export type AnswerHead = Readonly<{
  status: number
  /** The header that says how long the body is stands between them. */
  before: HeaderLines
  after: HeaderLines
}>

/** The last piece of a body in chunks. */
export const LAST_CHUNK = '0\r\n\r\n'
const CRLF = 0x0d0a

/** A piece of such a body, with its size before it. */
export function chunkOf(bytes: Uint8Array | string): Buffer {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const size = data.byteLength.toString(16)
  const chunk = Buffer.allocUnsafe(size.length + data.byteLength + 4)
  const at = chunk.write(size, 'latin1')
  chunk.writeUInt16BE(CRLF, at)
  chunk.set(data, at + 2)
  chunk.writeUInt16BE(CRLF, chunk.byteLength - 2)
  return chunk
}

/** In one piece, for one write. */
export function withHead(head: string, bytes: Uint8Array): Buffer {
  const both = Buffer.allocUnsafe(head.length + bytes.byteLength)
  both.write(head, 'latin1')
  both.set(bytes, head.length)
  return both
}
