import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { CRC_LENGTH, writeCrc } from './crc-tail.ts'

const NEWLINE = 10
const START_BYTES = 64 * 1024
const UTF8_BYTES_MAX = 3
/** After a batch beyond this the memory is given back. */
const KEPT_BYTES_MAX = 1024 * 1024

/**
 * The text of one batch of lines, behind the chain value before it: one piece for the hash, with no copy made of it. Batches
 * are put together in the same memory, one after the other.
 */
export class ChainedText {
  #bytes = Buffer.allocUnsafeSlow(START_BYTES)
  #at = 0
  #start = 0

  /** A batch begins. */
  begin(chain: string): void {
    if (this.#bytes.byteLength > KEPT_BYTES_MAX) this.#bytes = Buffer.allocUnsafeSlow(START_BYTES)
    this.#at = 0
    this.ascii(chain)
    this.#start = this.#at
  }

  get end(): number {
    return this.#at
  }

  /** What was put in since the batch began; good until the next one does. */
  get batch(): Buffer {
    return this.#bytes.subarray(this.#start, this.#at)
  }

  /** The chain value of a batch that ends here. */
  get chain(): string {
    return hash('sha256', this.#bytes.subarray(0, this.#at))
  }

  /** Ends a line with its CRC-32, which goes on from the one before it. */
  endLine(from: number, before: number): number {
    this.makeRoom(CRC_LENGTH + 1)
    const crc = crc32(this.#bytes.subarray(from, this.#at), before)
    writeCrc(this.#bytes, this.#at, crc)
    this.#at += CRC_LENGTH
    this.#bytes[this.#at++] = NEWLINE
    return crc
  }

  /** For `short` and `piece`, which do not look. */
  makeRoom(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.byteLength) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.byteLength))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }

  /** For a few characters, all of them ASCII, a call out of JavaScript takes longer than they do. */
  short(text: string): void {
    const bytes = this.#bytes
    const end = this.#at + text.length
    for (let at = this.#at, from = 0; at < end; at++, from++) bytes[at] = text.charCodeAt(from)
    this.#at = end
  }

  piece(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.byteLength
  }

  ascii(text: string): void {
    this.makeRoom(text.length)
    this.#at += this.#bytes.write(text, this.#at, 'latin1')
  }

  utf8(text: string): void {
    this.makeRoom(text.length * UTF8_BYTES_MAX)
    this.#at += this.#bytes.write(text, this.#at)
  }

  bytes(bytes: Uint8Array): void {
    this.makeRoom(bytes.byteLength)
    this.piece(bytes)
  }
}
