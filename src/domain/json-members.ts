import type { JsonObject } from './chat-request.ts'

/**
 * Goes over the members of an object in its text, which `JSON.parse` has read. What they hold is passed over, not looked at:
 * that takes a fraction of the time in which it could be written again, and changes no digit of it.
 */
export class JsonMembers {
  /** Of the member that `next` has come to, as it stands there: with its escapes. */
  name = ''
  /** Where it begins, and where it ends. */
  from = 0
  to: number
  /** How many names there are in the text so far, at any depth, and those that come twice as often as they come. */
  names = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
    this.to = text.indexOf('{')
  }

  /** Goes on to the next member; false where there is none. */
  next(): boolean {
    const text = this.#text
    // Behind the brace or the comma.
    this.from = this.#behindSpace(this.#behindSpace(this.to) + 1)
    if (text.charCodeAt(this.from) !== QUOTE) return false
    const nameEnd = this.#endOfString(this.from)
    this.name = text.slice(this.from + 1, nameEnd - 1)
    this.names++
    this.to = this.#endOfValue(this.#behindSpace(this.#behindSpace(nameEnd) + 1))
    return true
  }

  #behindSpace(from: number): number {
    let at = from
    while (this.#text.charCodeAt(at) <= SPACE) at++
    return at
  }

  #endOfValue(from: number): number {
    const first = this.#text.charCodeAt(from)
    if (first === QUOTE) return this.#endOfString(from)
    return isOpening(first) ? this.#endOfNested(from) : this.#endOfWord(from)
  }

  #endOfWord(from: number): number {
    let at = from
    while (isWord(this.#text.charCodeAt(at))) at++
    return at
  }

  #endOfNested(from: number): number {
    const text = this.#text
    let at = from
    let depth = 0
    let names = 0
    do {
      const code = text.charCodeAt(at)
      if (code === QUOTE) at = this.#endOfString(at) - 1
      else if (code === COLON) names++
      else if (isOpening(code)) depth++
      else if (isClosing(code)) depth--
      at++
    } while (depth > 0)
    this.names += names
    return at
  }

  /** Behind the quote that has an even number of backslashes before it. */
  #endOfString(from: number): number {
    const text = this.#text
    for (let at = from; ;) {
      at = text.indexOf('"', at + 1)
      if (text.charCodeAt(at - 1) !== BACKSLASH) return at + 1
      let before = at - 2
      while (text.charCodeAt(before) === BACKSLASH) before--
      if ((at - before) % 2 === 1) return at + 1
    }
  }
}

/** How many names an object has, with those in what it holds: fewer than its text where one came twice. */
export function namesIn(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth > DEPTH_MAX) return NaN
  let names = 0
  if (Array.isArray(value)) {
    for (const one of value) if (typeof one === 'object') names += namesIn(one, depth + 1)
    return names
  }
  for (const name in value) {
    names++
    const one = (value as JsonObject)[name]
    if (typeof one === 'object') names += namesIn(one, depth + 1)
  }
  return names
}

/** Calls may not go as deep as texts can. */
const DEPTH_MAX = 100
const [SPACE, QUOTE, COMMA, COLON, BACKSLASH] = [0x20, 0x22, 0x2c, 0x3a, 0x5c]
const [BRACKET_OPEN, BRACKET_CLOSE, BRACE_OPEN, BRACE_CLOSE] = [0x5b, 0x5d, 0x7b, 0x7d]

const isOpening = (code: number): boolean => code === BRACE_OPEN || code === BRACKET_OPEN
const isClosing = (code: number): boolean => code === BRACE_CLOSE || code === BRACKET_CLOSE
const isWord = (code: number): boolean => code > SPACE && code !== COMMA && !isClosing(code)
