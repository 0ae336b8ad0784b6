/** Bounds of RELIABILITY: beyond them a stream is an attack or a mistake. */
const EVENT_BYTES_MAX = 4 * 1024 * 1024

export type FrameListener = Readonly<{
  /** Whether the payload at `text[from, to)` may pass without being looked at. */
  isPlain: (text: string, from: number, to: number) => boolean
  /** Whole frames, as they came. */
  plain: (frames: Buffer) => void
  /** One event's data, to be looked at. */
  payload: (data: string) => void
  bad: (why: string) => void
}>

/**
 * Splits a byte stream into server-sent events. Runs of plain frames are handed on as one slice of the bytes they came
 * in; everything else line by line, as the format wants it: CRLF, comments, data over several lines, frames cut anywhere.
 */
export class SseFrames {
  #carry: Buffer | undefined
  #data: string[] = []

  push(piece: Buffer, listener: FrameListener): void {
    const bytes = this.#carry === undefined ? piece : Buffer.concat([this.#carry, piece])
    this.#carry = undefined
    // One byte is one character here, so positions in the text are positions in the bytes.
    const text = bytes.toString('latin1')
    let at = 0
    let plainFrom = -1
    const flush = () => {
      if (plainFrom !== -1) listener.plain(bytes.subarray(plainFrom, at))
      plainFrom = -1
    }
    for (;;) {
      const end = text.indexOf('\n', at)
      if (end === -1) break
      const isFrame =
        this.#data.length === 0 &&
        text.charCodeAt(end + 1) === 0x0a &&
        text.startsWith('data: ', at)
      if (isFrame && listener.isPlain(text, at + 6, end)) {
        if (plainFrom === -1) plainFrom = at
        at = end + 2
        continue
      }
      flush()
      this.#line(bytes, { from: at, to: end }, listener)
      at = end + 1
    }
    flush()
    this.#keep(bytes, at, listener)
  }

  #line(bytes: Buffer, { from, to }: { from: number; to: number }, listener: FrameListener): void {
    const line = bytes.toString('utf8', from, bytes[to - 1] === 0x0d ? to - 1 : to)
    if (line === '') {
      if (this.#data.length > 0) listener.payload(this.#data.join('\n'))
      this.#data = []
      return
    }
    if (line.startsWith('data:')) {
      this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5))
      return
    }
    // Comments and the other fields of the format carry nothing for the caller; anything else is not this format.
    if (!/^(?::|event:|id:|retry:|data$)/.test(line))
      listener.bad('a line is not a server-sent event')
  }

  /** What is left of an unfinished line waits for the next piece, in memory of its own. */
  #keep(bytes: Buffer, from: number, listener: FrameListener): void {
    if (from >= bytes.byteLength) return
    if (bytes.byteLength - from > EVENT_BYTES_MAX) {
      listener.bad('an event is too large')
      return
    }
    this.#carry = Buffer.from(bytes.subarray(from))
  }
}
