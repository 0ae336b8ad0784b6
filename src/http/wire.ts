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
  /**
   * The bytes are good during the call alone. False: the caller reads slower than this. Who is gone takes no bytes and never
   * drains, so that is not said of him: waiting for it would lose the upstream's socket.
   */
  write(bytes: Uint8Array | string): boolean
  end(): void
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
const CR = 0x0d
const LF = 0x0a

/** A piece of such a body, with its size before it. */
export function chunkOf(bytes: Uint8Array | string): Buffer {
  const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
  const size = data.byteLength
  let digits = 1
  while (digits < 8 && size >>> (4 * digits) > 0) digits++
  const chunk = Buffer.allocUnsafe(digits + size + 4)
  for (let at = 0; at < digits; at++) chunk[at] = hexDigit((size >>> (4 * (digits - 1 - at))) & 0xf)
  chunk[digits] = CR
  chunk[digits + 1] = LF
  chunk.set(data, digits + 2)
  chunk[digits + size + 2] = CR
  chunk[digits + size + 3] = LF
  return chunk
}

const hexDigit = (value: number): number => (value < 10 ? 0x30 : 0x61 - 10) + value

/** In one piece, for one write. */
export function withHead(head: string, bytes: Uint8Array): Buffer {
  const both = Buffer.allocUnsafe(head.length + bytes.byteLength)
  both.write(head, 'latin1')
  both.set(bytes, head.length)
  return both
}
