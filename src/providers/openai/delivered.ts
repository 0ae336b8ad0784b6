import type { Delivered } from '../../ports/provider.ts'

/**
 * Remembers the text of a stream as it passes, for the case that its usage is never reported. Raw frames are copied
 * into one buffer, and only when that is full, or somebody asks, is their text taken out: a chunk costs a copy.
 */
export class DeliveredText {
  #raw: Buffer = Buffer.alloc(0)
  #length = 0
  readonly #texts: string[] = []
  #textChars = 0

  /** `frames` is whole frames, as sent. */
  add(frames: Uint8Array): void {
    if (this.#length + frames.byteLength > this.#raw.byteLength) this.#grow(frames.byteLength)
    this.#raw.set(frames, this.#length)
    this.#length += frames.byteLength
  }

  get(): Delivered {
    this.#extract()
    const text = this.#texts.join('')
    const bytes = Buffer.byteLength(text)
    // Where some of it is not ASCII, all that exceeds one byte a character is; close enough for an estimate.
    const other = Math.min((bytes - text.length) * 1.5, bytes)
    return { text, size: { ascii: bytes - other, other } }
  }

  #grow(needed: number): void {
    if (this.#length >= RAW_BYTES_MAX) this.#extract()
    const size = Math.max(RAW_BYTES_MIN, 2 * this.#raw.byteLength, this.#length + needed)
    if (this.#length + needed <= this.#raw.byteLength) return
    const larger = Buffer.allocUnsafeSlow(size)
    larger.set(this.#raw.subarray(0, this.#length))
    this.#raw = larger
  }

  #extract(): void {
    const raw = this.#raw.toString('utf8', 0, this.#length)
    this.#length = 0
    if (this.#textChars > TEXT_CHARS_MAX) return
    for (const [, piece = ''] of raw.matchAll(PIECE)) {
      const text = unescaped(piece)
      this.#texts.push(text)
      this.#textChars += text.length
    }
  }
}

const RAW_BYTES_MIN = 512
const RAW_BYTES_MAX = 64 * 1024
const TEXT_CHARS_MAX = 4 * 1024 * 1024

/** Every string a model writes stands behind one of these names. */
const PIECE = /"(?:content|reasoning_content|reasoning|refusal|arguments)":\s*"((?:[^"\\]|\\.)+)"/g

function unescaped(piece: string): string {
  if (!piece.includes('\\')) return piece
  try {
    return JSON.parse(`"${piece}"`) as string
  } catch {
    return piece
  }
}
