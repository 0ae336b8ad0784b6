/**
 * Tells the chunks in the middle of an answer from those that must be looked at: they look like JSON, and carry no
 * finish, usage or error. Asked for each frame of a piece in order, it searches the piece once for each of them.
 */
export class OrdinaryFrames {
  #text = ''
  #finishAt = -1
  #usageAt = -1
  #errorAt = -1
  #emptyAt = -1

  is(text: string, from: number, to: number): boolean {
    if (text !== this.#text) {
      this.#text = text
      this.#finishAt = this.#usageAt = this.#errorAt = this.#emptyAt = -1
    }
    if (text.charCodeAt(from) !== 0x7b || text.charCodeAt(to - 1) !== 0x7d) return false
    if (this.#finishAt < from) this.#finishAt = next(text, '"finish_reason"', from)
    if (this.#usageAt < from) this.#usageAt = next(text, '"usage"', from)
    if (this.#errorAt < from) this.#errorAt = next(text, '"error"', from)
    if (this.#emptyAt < from) this.#emptyAt = positionOf(text, '"choices":[]', from)
    return this.#finishAt >= to && this.#usageAt >= to && this.#errorAt >= to && this.#emptyAt >= to
  }

  /** Lets go of the piece. */
  clear(): void {
    this.#text = ''
  }
}

/** Where the member next holds something other than null. In a string its quotes would have backslashes. */
function next(text: string, member: string, from: number): number {
  let at = text.indexOf(member, from)
  while (at !== -1) {
    let value = at + member.length
    while (isColonOrSpace(text.charCodeAt(value))) value++
    if (text.charCodeAt(value) !== 0x6e) return at // n of null
    at = text.indexOf(member, value)
  }
  return Infinity
}

const isColonOrSpace = (code: number): boolean => code === 0x3a || code === 0x20

function positionOf(text: string, part: string, from: number): number {
  const at = text.indexOf(part, from)
  return at === -1 ? Infinity : at
}
