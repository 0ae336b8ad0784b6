/**
 * Nearly all frames of an answer differ from the one before in their text alone. Once one of them is known to be
 * ordinary, the others are told by comparing bytes: the same before and behind a text without quotes is the same JSON.
 * It makes no strings and costs a tenth of a microsecond a frame; searching each for what matters costs ten times that.
 */
export class FrameTemplate {
  #pattern = NO_PATTERN
  /** Where in it the part behind the text begins. */
  #behindFrom = 0
  /** The text in it is the answer's own. */
  isContent = true

  /** Takes the payload of an ordinary frame as the pattern, if the one text in it can be told. */
  learn(payload: string): void {
    const found = TEXT_BEGINS.exec(payload)
    if (found === null) return
    const textFrom = found.index + found[0].length
    const textTo = payload.indexOf('"', textFrom)
    if (textTo === -1 || payload.charCodeAt(textTo - 1) === BACKSLASH) return
    const behind = payload.slice(textTo)
    if (TEXT_BEGINS.test(behind)) return
    this.isContent = found[0].startsWith('"content"')
    const before = partOf(`data: ${payload.slice(0, textFrom)}`)
    this.#behindFrom = before.length
    this.#pattern = Int32Array.of(...before, ...partOf(`${behind}\n\n`))
  }

  /** How many bytes from the start are whole frames of this pattern; their texts are told to the sink. */
  skim(bytes: Uint8Array, sink: TextSink): number {
    const [pattern, behindFrom] = [this.#pattern, this.#behindFrom]
    if (pattern === NO_PATTERN) return 0
    seen.show(bytes)
    for (let at = 0; ;) {
      const textFrom = seen.behind(pattern, 0, at)
      const textTo = textFrom === -1 ? -1 : endOfText(bytes, textFrom)
      const end = textTo === -1 ? -1 : seen.behind(pattern, behindFrom, textTo)
      if (end === -1) return at
      sink.addText(bytes, textFrom, textTo)
      at = end
    }
  }
}

export type TextSink = { addText(bytes: Uint8Array, from: number, to: number): void }

const TEXT_BEGINS = /"(?:content|reasoning_content|reasoning|refusal|arguments)":\s*"/
const QUOTE = 0x22
const LINE_END = 0x0a
const BACKSLASH = 0x5c

/**
 * What stands before a text, and what stands behind it: each its length in bytes, then its bytes four by four, the last
 * four of them also where they overlap others. All in one place, because a frame finds little of its stream in the cache.
 */
type Pattern = Int32Array
const NO_PATTERN: Pattern = Int32Array.of()
const WORD = 4

/** It has four bytes and more: a name and a quote, or a quote and what ends an event. */
function partOf(latin1: string): number[] {
  const bytes = Buffer.from(latin1, 'latin1')
  const words = Array.from({ length: bytes.length >> 2 }, (_, index) =>
    bytes.readInt32BE(WORD * index),
  )
  return [bytes.length, ...words, bytes.readInt32BE(bytes.length - WORD)]
}

/** Some bytes in their memory, which mostly is the one that all connections read into: its view is made once. */
class Seen {
  #view: DataView = new DataView(new ArrayBuffer(0))
  #from = 0
  #to = 0

  show({ buffer, byteOffset, byteLength }: Uint8Array): void {
    if (this.#view.buffer !== buffer) this.#view = new DataView(buffer)
    this.#from = byteOffset
    this.#to = byteOffset + byteLength
  }

  /** Where the part of the pattern that begins at `from` ends in the bytes, if it stands there at `at`; otherwise -1. */
  behind(pattern: Pattern, from: number, at: number): number {
    const length = pattern[from] ?? 0
    const start = this.#from + at
    const end = start + length
    if (end > this.#to) return -1
    const view = this.#view
    const whole = length >> 2
    for (let index = 0; index < whole; index++)
      if (view.getInt32(start + WORD * index) !== pattern[from + 1 + index]) return -1
    return view.getInt32(end - WORD) === pattern[from + 1 + whole] ? at + length : -1
  }
}

const seen = new Seen()

/** The quote that ends a text without any other; -1 where there may be an escaped one, or none. */
function endOfText(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === LINE_END) return -1
    if (byte === QUOTE) return bytes[at - 1] === BACKSLASH ? -1 : at
  }
  return -1
}
