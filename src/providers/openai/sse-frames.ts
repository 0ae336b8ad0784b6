/** Bounds of RELIABILITY: beyond them a stream is an attack or a mistake. */
const EVENT_BYTES_MAX = 4 * 1024 * 1024

export interface FrameListener {
  /** Whether the payload at `text[from, to)` may pass without being looked at. */
  isPlain(text: string, from: number, to: number): boolean
  /** Whole frames, as they came. */
  plain(frames: Uint8Array): void
  /** One event's data, to be looked at. */
  payload(data: string): void
  bad(why: string): void
}

const LINE_FEED = 0x0a
const NOTHING = Buffer.alloc(0)
const DATA_LENGTH = 'data: '.length

/**
 * Splits a byte stream into server-sent events. Runs of plain frames are handed on as one slice of the bytes they came
 * in; everything else line by line, as the format wants it: CRLF, comments, data over several lines, frames cut anywhere.
 */
export class SseFrames {
  /** The next piece begins with a frame. */
  isBetween = true
  /** The beginning of an unfinished line, with room for more of it behind. */
  #carry: Buffer = NOTHING
  #carryBytes = 0
  #data: string[] = []
  #dataBytes = 0
  #isFirst = true

  push(piece: Buffer, listener: FrameListener): void {
    if (this.#carryBytes === 0) this.#read(piece, listener)
    else if (piece.includes(LINE_FEED)) this.#read(this.#carried(piece), listener)
    else this.#keep(piece, listener)
    this.isBetween = this.#carryBytes === 0 && this.#data.length === 0
  }

  #carried(piece: Buffer): Buffer {
    const bytes = Buffer.concat([this.#carry.subarray(0, this.#carryBytes), piece])
    this.#carry = NOTHING
    this.#carryBytes = 0
    return bytes
  }

  #read(bytes: Buffer, listener: FrameListener): void {
    // One byte is one character here, so positions in the text are positions in the bytes.
    const text = bytes.toString('latin1')
    let at = 0
    let plainFrom = 0
    for (;;) {
      const end = text.indexOf('\n', at)
      if (end === -1) break
      if (this.#isFrame(text, at, end) && listener.isPlain(text, at + DATA_LENGTH, end)) {
        at = end + 2
        continue
      }
      if (plainFrom < at) listener.plain(bytes.subarray(plainFrom, at))
      this.#line(bytes, { from: at, to: end }, listener)
      at = end + 1
      plainFrom = at
    }
    if (plainFrom < at)
      listener.plain(at - plainFrom === bytes.byteLength ? bytes : bytes.subarray(plainFrom, at))
    if (at < bytes.byteLength) this.#keep(bytes.subarray(at), listener)
  }

  /** A line of data with its blank line behind it. */
  #isFrame(text: string, from: number, end: number): boolean {
    return (
      text.charCodeAt(end + 1) === LINE_FEED &&
      this.#data.length === 0 &&
      text.startsWith('data: ', from)
    )
  }

  #line(bytes: Buffer, { from, to }: { from: number; to: number }, listener: FrameListener): void {
    const text = bytes.toString('utf8', from, bytes[to - 1] === 0x0d ? to - 1 : to)
    const line = this.#isFirst && text.startsWith('\uFEFF') ? text.slice(1) : text
    this.#isFirst = false
    if (line === '') {
      if (this.#data.length > 0) listener.payload(this.#data.join('\n'))
      this.#data = []
      this.#dataBytes = 0
      return
    }
    if (line.startsWith('data:')) {
      this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5))
      this.#dataBytes += to - from
      if (this.#dataBytes > EVENT_BYTES_MAX) listener.bad('an event is too large')
      return
    }
    // Comments and the other fields of the format carry nothing for the caller; anything else is not this format.
    if (!/^(?::|event:|id:|retry:|data$)/.test(line))
      listener.bad('a line is not a server-sent event')
  }

  /** What is left of an unfinished line waits for the next piece, in memory of its own. */
  #keep(bytes: Buffer, listener: FrameListener): void {
    const from = this.#carryBytes
    this.#carryBytes += bytes.byteLength
    if (this.#carryBytes > EVENT_BYTES_MAX) {
      listener.bad('an event is too large')
      return
    }
    if (this.#carryBytes > this.#carry.byteLength) {
      const carry = Buffer.allocUnsafe(from === 0 ? this.#carryBytes : 2 * this.#carryBytes)
      carry.set(this.#carry.subarray(0, from))
      this.#carry = carry
    }
    this.#carry.set(bytes, from)
  }
}
