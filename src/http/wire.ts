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

/** Names and values in turn. */
export type Headers = readonly string[]

export type AnswerHead = Readonly<{
  status: number
  /** The same for every answer of its kind, so that their text is made once. */
  fixed: FixedHeaders
  common: Headers
  own: Headers
}>

export type FixedHeaders = Readonly<{ list: Headers; text: string }>

export const fixedHeaders = (list: Headers): FixedHeaders => ({ list, text: headerLines(list) })

/** What Node refuses to send, too: anything else could end a header and begin another. */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/

export function headerLines(headers: Headers): string {
  let text = ''
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1] ?? ''
    if (UNFIT.test(value)) throw new Error(`the header ${headers[at] ?? ''} has an unfit value`)
    text += `${headers[at] ?? ''}: ${value}\r\n`
  }
  return text
}

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
