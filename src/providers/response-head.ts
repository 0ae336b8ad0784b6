/** A response's status line and headers: what of them matters to a caller of models. */
export type ResponseHead = Readonly<{
  status: number
  contentType: string
  retryAfter: string | undefined
  /** Undefined: not said. */
  length: number | undefined
  isChunked: boolean
  /** The connection may carry another request. */
  keepsAlive: boolean
  /** For so long, as the server says. */
  idleSeconds: number | undefined
}>

/** Strictly as RFC 9112 has it, to the last line end; what another reader might read differently is refused. */
const HEAD =
  /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+\-.^_`|~\dA-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/
const LENGTH = /^\d{1,15}$/
const SPACE = 0x20
const TAB = 0x09
const CASE = 0x20

/** Undefined: this is no HTTP, or it says two things at once. `text` ends with the last header's line end. */
export function parseResponseHead(text: string): ResponseHead | undefined {
  if (!HEAD.test(text)) return undefined
  const fields = new Fields(text)
  let at = text.indexOf('\n') + 1
  while (at < text.length) {
    const colon = text.indexOf(':', at)
    const end = text.indexOf('\r', colon)
    fields.take(at, colon, end)
    at = end + 2
  }
  return fields.head(Number(text.slice(9, 12)), text.charCodeAt(7) === 0x31)
}

/** Looks at the length of each name alone, and at the name only where that fits. */
class Fields {
  readonly #text: string
  #contentType = ''
  #retryAfter: string | undefined
  #length: string | undefined
  #encoding: string | undefined
  #closes = false
  #stays = false
  #keepAlive = ''
  #isContradictory = false

  constructor(text: string) {
    this.#text = text
  }

  take(from: number, colon: number, end: number): void {
    switch (colon - from) {
      case 10:
        if (this.#is('connection', from)) this.#takeConnection(this.#value(colon, end))
        else if (this.#is('keep-alive', from)) this.#keepAlive = this.#value(colon, end)
        break
      case 11:
        if (this.#is('retry-after', from)) this.#retryAfter = this.#value(colon, end)
        break
      case 12:
        if (this.#is('content-type', from)) this.#contentType = this.#value(colon, end)
        break
      case 14:
        if (this.#is('content-length', from)) this.#takeLength(this.#value(colon, end))
        break
      case 17:
        if (this.#is('transfer-encoding', from)) this.#takeEncoding(this.#value(colon, end))
        break
    }
  }

  head(status: number, isCurrent: boolean): ResponseHead | undefined {
    const length = this.#length
    const encoding = this.#encoding
    if (this.#isContradictory || (length !== undefined && encoding !== undefined)) return undefined
    return {
      status,
      contentType: this.#contentType,
      retryAfter: this.#retryAfter,
      length: length === undefined ? undefined : Number(length),
      isChunked: encoding !== undefined,
      keepsAlive: isCurrent ? !this.#closes : this.#stays,
      idleSeconds: this.#keepAlive === '' ? undefined : idleSecondsIn(this.#keepAlive),
    }
  }

  #takeConnection(value: string): void {
    if (/close/i.test(value)) this.#closes = true
    if (/keep-alive/i.test(value)) this.#stays = true
  }

  #takeLength(value: string): void {
    if (!LENGTH.test(value) || this.#length !== undefined) this.#isContradictory = true
    this.#length = value
  }

  #takeEncoding(value: string): void {
    if (value.toLowerCase() !== 'chunked' || this.#encoding !== undefined)
      this.#isContradictory = true
    this.#encoding = value
  }

  /** In any case: of all that may stand in a name, only a letter becomes a small one by this bit. */
  #is(name: string, from: number): boolean {
    for (let at = 0; at < name.length; at++)
      if ((this.#text.charCodeAt(from + at) | CASE) !== name.charCodeAt(at)) return false
    return true
  }

  /** Without the spaces that are allowed around it: there is more that `trim` takes for one. */
  #value(colon: number, end: number): string {
    let [from, to] = [colon + 1, end]
    while (from < to && this.#isSpace(from)) from++
    while (from < to && this.#isSpace(to - 1)) to--
    return this.#text.slice(from, to)
  }

  #isSpace(at: number): boolean {
    const code = this.#text.charCodeAt(at)
    return code === SPACE || code === TAB
  }
}

let last: { keepAlive: string; idleSeconds: number | undefined } = {
  keepAlive: '',
  idleSeconds: undefined,
}

/** An upstream says the same in each answer. */
function idleSecondsIn(keepAlive: string): number | undefined {
  if (keepAlive !== last.keepAlive) {
    const found = /timeout=(\d{1,6})/i.exec(keepAlive)
    last = { keepAlive, idleSeconds: found === null ? undefined : Number(found[1]) }
  }
  return last.idleSeconds
}
