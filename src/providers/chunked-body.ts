const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b
/** More is no model's answer, and near the end of what numbers can count. */
const CHUNK_BYTES_MAX = 2 ** 40
/** Of extensions and trailers, which nobody here reads. */
const ASIDE_BYTES_MAX = 16 * 1024

/** What comes next. */
const SIZE = 0
const MORE_SIZE = 1
const EXTENSION = 2
const SIZE_LF = 3
const DATA = 4
const DATA_CR = 5
const DATA_LF = 6
const LINE = 7 // of the trailers
const MORE_LINE = 8
const LINE_LF = 9
const LAST_LF = 10
const OVER = 11
const WRONG = 12

/** A body in chunks, any of which may be cut anywhere. */
export class ChunkedBody {
  /** Where in the last piece it ended, if it did. */
  at = 0
  #next = SIZE
  /** Of the chunk. */
  #left = 0
  #aside = 0

  get isOver(): boolean {
    return this.#next === OVER
  }

  get isWrong(): boolean {
    return this.#next === WRONG
  }

  /** Another one begins. */
  reset(): void {
    this.#next = SIZE
    this.#aside = 0
  }

  /** Moves the data of the chunks in `bytes[from, to)` to the front of it, and returns where it ends there. */
  gather(bytes: Buffer, from: number, to: number): number {
    let at = from
    let end = from
    while (at < to && this.#next < OVER) {
      if (this.#next !== DATA) {
        this.#next = this.#step(bytes[at++] ?? 0)
        continue
      }
      const count = Math.min(this.#left, to - at)
      if (end !== at) bytes.copyWithin(end, at, at + count)
      end += count
      at += count
      this.#left -= count
      if (this.#left === 0) this.#next = DATA_CR
    }
    this.at = at
    return end
  }

  #step(byte: number): number {
    switch (this.#next) {
      case SIZE:
        this.#left = 0
        return this.#digit(byte)
      case MORE_SIZE:
        if (byte === CR) return SIZE_LF
        return byte === SEMICOLON ? this.#skip(EXTENSION) : this.#digit(byte)
      case EXTENSION:
        if (byte === CR) return SIZE_LF
        return byte === LF ? WRONG : this.#skip(EXTENSION)
      case SIZE_LF:
        if (byte !== LF) return WRONG
        return this.#left === 0 ? LINE : DATA
      case DATA_CR:
        return byte === CR ? DATA_LF : WRONG
      case DATA_LF:
        return byte === LF ? SIZE : WRONG
      case LINE:
        if (byte === CR) return LAST_LF
        return byte === LF ? WRONG : this.#skip(MORE_LINE)
      case MORE_LINE:
        if (byte === CR) return LINE_LF
        return byte === LF ? WRONG : this.#skip(MORE_LINE)
      case LINE_LF:
        return byte === LF ? LINE : WRONG
      default:
        return byte === LF ? OVER : WRONG
    }
  }

  #digit(byte: number): number {
    const digit = hexDigit(byte)
    this.#left = this.#left * 16 + digit
    return digit === -1 || this.#left > CHUNK_BYTES_MAX ? WRONG : MORE_SIZE
  }

  #skip(next: number): number {
    return ++this.#aside > ASIDE_BYTES_MAX ? WRONG : next
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
