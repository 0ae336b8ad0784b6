import { micro, type MicroCredits } from '../../domain/money.ts'
import { TextPool } from './text-pool.ts'
import { wholeAmount } from './usage/amounts.ts'

/** A fixed part of a line, of at least four bytes: they are compared four at a time. */
export type Piece = Readonly<{ words: Int32Array; last: number; length: number }>

export function pieceOf(text: string): Piece {
  const bytes = Buffer.from(text)
  const words = Int32Array.from({ length: bytes.length >> 2 }, (_, at) => bytes.readInt32LE(4 * at))
  return { words, last: bytes.readInt32LE(bytes.length - 4), length: bytes.length }
}

/** A name behind that of its field: what comes several times in a row is looked for as a whole from then on. */
export class Field {
  readonly name: Piece
  usual: Piece
  text = ''
  #last = ''
  #times = 0
  readonly #start: string

  /** With the quote. */
  constructor(start: string) {
    this.#start = start
    this.name = pieceOf(start)
    this.usual = pieceOf(`${start}"`)
  }

  note(text: string): void {
    this.#times = text === this.#last ? this.#times + 1 : 1
    this.#last = text
    if (this.#times < TIMES_MIN) return
    this.usual = pieceOf(`${this.#start}${text}"`)
    this.text = text
  }
}

/**
 * Goes over a line from its first byte to its last, part by part, without making a text of it. From the first part that is
 * not what was asked for, nothing that it answers means anything; so it is enough to ask at the end whether it `isDone`.
 */
export class LineScanner {
  readonly #pool = new TextPool()
  #bytes: Buffer = Buffer.alloc(0)
  #view = viewOf(this.#bytes)
  #at = 0
  #end = 0
  #hasFailed = false

  begin(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.#bytes) this.#view = viewOf(bytes)
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#hasFailed = false
  }

  /** The line ended where it was to end, and everything before was as it was to be. */
  get isDone(): boolean {
    return !this.#hasFailed && this.#at === this.#end
  }

  isAt({ words, last, length }: Piece): boolean {
    const at = this.#at
    if (at + length > this.#end) return false
    const view = this.#view
    for (let index = 0; index < words.length; index++)
      if (view.getInt32(at + 4 * index, true) !== words[index]) return false
    return view.getInt32(at + length - 4, true) === last
  }

  /** Goes over a part if it stands there. */
  skips(piece: Piece): boolean {
    const isThere = this.isAt(piece)
    if (isThere) this.#at += piece.length
    return isThere
  }

  skip(piece: Piece): void {
    if (!this.skips(piece)) this.#hasFailed = true
  }

  skipsByte(byte: number): boolean {
    if (this.#at === this.#end || this.#bytes[this.#at] !== byte) return false
    this.#at++
    return true
  }

  skipByte(byte: number): void {
    if (!this.skipsByte(byte)) this.#hasFailed = true
  }

  isBehind(byte: number): boolean {
    return this.#bytes[this.#at - 1] === byte
  }

  /** Printable ASCII that stands in JSON as it is, and the quote behind it. */
  text(): string {
    const start = this.#at
    this.skipText()
    return this.#hasFailed ? '' : this.#bytes.toString('latin1', start, this.#at - 1)
  }

  /** The same behind its name, which is mostly what stood there in another line. */
  field(field: Field): string {
    if (this.skips(field.usual)) return field.text
    this.skip(field.name)
    const start = this.#at
    const hash = this.skipText()
    if (this.#hasFailed) return ''
    const text = this.#pool.text(this.#bytes, { start, end: this.#at - 1, hash })
    field.note(text)
    return text
  }

  /** Answers a hash of it. */
  skipText(): number {
    const [bytes, end] = [this.#bytes, this.#end]
    let hash = 0
    for (let at = this.#at; at < end; at++) {
      const byte = bytes[at] ?? 0
      if (byte === QUOTE) {
        this.#at = at + 1
        return hash
      }
      if (byte < SPACE || byte > TILDE || byte === BACKSLASH) break
      hash = (Math.imul(hash, 31) + byte) | 0
    }
    return this.#fail()
  }

  /** A number that a double holds exactly. */
  whole(): number {
    return this.#digits(EXACT_DIGITS_MAX)
  }

  /** The same with at most six places. */
  skipDecimal(): void {
    this.whole()
    if (!this.skipsByte(POINT)) return
    const from = this.#at
    while (isDigit(this.#bytes[this.#at] ?? 0)) this.#at++
    if (this.#at === from || this.#at > from + PLACES_MAX) this.#fail()
  }

  /** Micro-credits behind their name, and the quote behind them. */
  amount(name: Piece): MicroCredits {
    this.skip(name)
    const start = this.#at
    const value = this.#digits(AMOUNT_DIGITS_MAX)
    const end = this.#at
    this.skipByte(QUOTE)
    if (end - start <= EXACT_DIGITS_MAX) return wholeAmount(value)
    return micro(BigInt(this.#bytes.toString('latin1', start, end)))
  }

  /** As many hexadecimal digits, in small letters. */
  hex(count: number): string {
    const start = this.#at
    this.skipHex(count)
    return this.#hasFailed ? '' : this.#bytes.toString('latin1', start, this.#at)
  }

  skipHex(count: number): void {
    const to = this.#at + count
    for (; this.#at < to; this.#at++) {
      const byte = this.#bytes[this.#at] ?? 0
      if (!isDigit(byte) && (byte < LETTER_A || byte > LETTER_F)) return void this.#fail()
    }
  }

  /** Without a zero ahead of others. */
  #digits(max: number): number {
    const [view, start, end] = [this.#view, this.#at, this.#end]
    let [at, value] = [start, 0]
    let four: number, others: number
    for (; ; at += 4) {
      if (at + 4 > end) return this.#fail() // no line ends with a number
      four = view.getInt32(at, true)
      others = noDigits(four)
      if (others !== 0) break
      value = value * 10_000 + valueOf(four)
    }
    const count = (31 - Math.clz32(others & -others)) >> 3
    if (count > 0) value = value * (TENS[count] ?? 0) + valueOf(four << (32 - 8 * count))
    at += count
    if (at === start || at > start + max) return this.#fail()
    if (this.#bytes[start] === ZERO && at > start + 1) return this.#fail()
    this.#at = at
    return value
  }

  #fail(): number {
    this.#hasFailed = true
    return 0
  }
}

const TIMES_MIN = 4
const [QUOTE, BACKSLASH, SPACE, TILDE, POINT] = [0x22, 0x5c, 0x20, 0x7e, 0x2e]
const [ZERO, NINE, LETTER_A, LETTER_F] = [0x30, 0x39, 0x61, 0x66]
const [EXACT_DIGITS_MAX, AMOUNT_DIGITS_MAX, PLACES_MAX] = [15, 19, 6]

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE

/* Four bytes at once, of which the first is the lowest: one after the other they take three times as long. */

/** Has bits where bytes are no digits; only the lowest of these bytes is sure. */
const noDigits = (four: number): number =>
  ((four & HIGH_HALVES) ^ FOUR_ZEROS) | (((four + SIX_EACH) & HIGH_HALVES) ^ FOUR_ZEROS)

function valueOf(fourDigits: number): number {
  const digits = fourDigits & LOW_HALVES
  const pairs = Math.imul(digits, 10) + (digits >>> 8)
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff)
}

const FOUR_ZEROS = 0x30303030
/** Takes each digit beyond nine over to the high half. */
const SIX_EACH = 0x06060606
const LOW_HALVES = 0x0f0f0f0f
const HIGH_HALVES = ~LOW_HALVES
const TENS = [1, 10, 100, 1_000]

const viewOf = (bytes: Buffer): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
