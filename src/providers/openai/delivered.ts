import type { Delivered } from '../../ports/provider.ts'
import { GrowingBytes } from './growing-bytes.ts'

/**
 * Remembers the text of a stream as it passes, for the case that its usage is never reported. Most frames are of one
 * pattern, and only their text is copied; of others the whole frame is, and its text taken out when somebody asks.
 */
export class DeliveredText {
  /** Until something else comes by: reasoning, calls, pictures, or more than is remembered. */
  isContent = true
  /** JSON's inside of a string, escapes and all. */
  readonly #inner = new GrowingBytes()
  readonly #frames = new GrowingBytes()
  #hasFrames = false
  readonly #texts: string[] = []
  #textChars = 0

  /** Whole frames, as sent. */
  addFrames(frames: Uint8Array): void {
    if (this.#inner.length > 0) this.#unescapeInner()
    this.#frames.add(frames, 0, frames.byteLength)
    this.#hasFrames = true
    if (this.#frames.length > RAW_BYTES_MAX) this.#extractFrames()
  }

  /** The payload of a frame that had to be read anyway. */
  addPayload(payload: string): void {
    if (this.#inner.length > 0) this.#unescapeInner()
    if (this.#hasFrames) this.#extractFrames()
    this.#keepPieces(payload)
  }

  /** The text of a frame that nothing else need be known of: `bytes[from, to)`. */
  addText(bytes: Uint8Array, from: number, to: number): void {
    if (this.#hasFrames) this.#extractFrames()
    this.#inner.add(bytes, from, to)
    if (this.#inner.length > RAW_BYTES_MAX) this.#unescapeInner()
  }

  get(): Delivered {
    this.#extractFrames()
    this.#unescapeInner()
    const text = this.#texts.join('')
    const bytes = Buffer.byteLength(text)
    // Where some of it is not ASCII, all that exceeds one byte a character is; close enough for an estimate.
    const other = Math.min((bytes - text.length) * 1.5, bytes)
    return { text, size: { ascii: bytes - other, other }, isContent: this.isContent }
  }

  #extractFrames(): void {
    this.#hasFrames = false
    this.#keepPieces(this.#frames.take())
  }

  #keepPieces(text: string): void {
    for (const [, name, said, part, partBefore] of text.matchAll(PIECE)) {
      const piece = said ?? part ?? partBefore
      if (name !== 'content' || said === undefined) this.isContent = false
      if (piece !== undefined) this.#keep(unescaped(piece))
    }
  }

  #unescapeInner(): void {
    this.#keep(unescaped(this.#inner.take()))
  }

  #keep(text: string): void {
    if (text === '') return
    if (this.#textChars > TEXT_CHARS_MAX) {
      this.isContent = false
      return
    }
    this.#texts.push(text)
    this.#textChars += text.length
  }
}

const RAW_BYTES_MAX = 64 * 1024
const TEXT_CHARS_MAX = 4 * 1024 * 1024

/** What stands in a string, escapes and all. */
const INNER = String.raw`((?:[^"\\]|\\.)+)`
const NAMES = [
  ...['content', 'reasoning_content', 'reasoning', 'refusal', 'arguments', 'input', 'transcript'],
  ...['tool_calls', 'function_call', 'audio', 'images'],
]

/**
 * Every string a model writes stands behind one of these names, or in a part of a text; where there is no string, it
 * wrote no text. The type of a part stands before or behind it.
 */
const PIECE = new RegExp(
  [
    String.raw`"(${NAMES.join('|')})":\s*(?:"${INNER}"|[[{])`,
    String.raw`"type":\s*"text",\s*"text":\s*"${INNER}"`,
    String.raw`"text":\s*"${INNER}",\s*"type":\s*"text"`,
  ].join('|'),
  'g',
)

function unescaped(piece: string): string {
  if (!piece.includes('\\')) return piece
  try {
    return JSON.parse(`"${piece}"`) as string
  } catch {
    return piece
  }
}
