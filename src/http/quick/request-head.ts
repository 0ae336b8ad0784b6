import type { IncomingHttpHeaders } from 'node:http'
import { isServed, type ServedHosts } from '../served-hosts.ts'

/** The headers that the hot route asks for. */
export type HotHeaders = Partial<
  Pick<
    IncomingHttpHeaders,
    | 'host'
    | 'authorization'
    | 'x-api-key'
    | 'api-key'
    | 'x-goog-api-key'
    | 'content-type'
    | 'x-batch'
    | 'x-max-cost'
    | 'idempotency-key'
    | 'x-stainless-retry-count'
    | 'x-client-request-id'
    | 'x-request-id'
    | 'x-forwarded-for'
    | 'x-forwarded-proto'
    | 'traceparent'
  >
>

/** Those of any request: what is asked of them is among the ones that are read on the quick way, too. */
export type RequestHeaders = IncomingHttpHeaders | HotHeaders

export type RequestHead = Readonly<{
  headers: HotHeaders
  /** Of the body, which begins at `bodyAt`. */
  length: number
  bodyAt: number
}>

export type QuickLimits = Readonly<{ bodyBytesMax: number; hosts?: ServedHosts }>

/** What is beyond them is Node's to refuse. */
export const isWithin = (
  { headers, length }: RequestHead,
  { bodyBytesMax, hosts }: QuickLimits,
): boolean => length <= bodyBytesMax && isServed(hosts, headers.host)

const LINE = 'POST /v1/chat/completions HTTP/1.1\r\n'
const END = Buffer.from('\r\n\r\n')
/** Strictly as RFC 9112 has it, from where it is asked to look to the last line end. */
const FIELDS = /(?:[!#$%&'*+\-.^_`|~\dA-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+$/y
const LENGTH = /^\d{1,9}$/
const SPACE = 0x20
const TAB = 0x09
const CASE = 0x20
const HEAD_BYTES_MAX = 8 * 1024
const FIELDS_MAX = 100

/**
 * The head of a chat request as nearly all send it: whole in one read, with a length, and nothing in it that is said
 * twice or could be read in two ways. Undefined for everything else, which is Node's to read, and maybe to refuse.
 */
export function readRequestHead(bytes: Buffer, count: number): RequestHead | undefined {
  if (bytes[0] !== 0x50) return undefined
  const end = bytes.indexOf(END)
  // What stands behind `count` in the memory is of an earlier read.
  if (end < LINE.length || end > Math.min(HEAD_BYTES_MAX, count - END.length)) return undefined
  const text = bytes.toString('latin1', 0, end + 2)
  if (!text.startsWith(LINE)) return undefined
  const fields = new Fields(text)
  return fields.read(LINE.length) ? fields.head(end + END.length) : undefined
}

/** Looks at the length of each name alone, and at the name only where that fits. */
class Fields {
  readonly #text: string
  #from = 0
  #colon = 0
  #end = 0
  #length: string | undefined
  /** All named from the start, so that they have one shape. */
  readonly #headers: Record<keyof HotHeaders, string | undefined> = {
    host: undefined,
    authorization: undefined,
    'x-api-key': undefined,
    'api-key': undefined,
    'x-goog-api-key': undefined,
    'content-type': undefined,
    'x-batch': undefined,
    'x-max-cost': undefined,
    'idempotency-key': undefined,
    'x-stainless-retry-count': undefined,
    'x-client-request-id': undefined,
    'x-request-id': undefined,
    'x-forwarded-for': undefined,
    'x-forwarded-proto': undefined,
    traceparent: undefined,
  }
  #isPlain = true

  constructor(text: string) {
    this.#text = text
  }

  read(from: number): boolean {
    const text = this.#text
    FIELDS.lastIndex = from
    if (!FIELDS.test(text)) return false
    let count = 0
    this.#from = from
    while (this.#from < text.length) {
      this.#colon = text.indexOf(':', this.#from)
      this.#end = text.indexOf('\r', this.#colon)
      this.#take()
      this.#from = this.#end + 2
      count++
    }
    return this.#isPlain && count <= FIELDS_MAX && this.#headers.host !== undefined
  }

  head(bodyAt: number): RequestHead | undefined {
    if (this.#length === undefined || !LENGTH.test(this.#length)) return undefined
    return { headers: this.#headers, length: Number(this.#length), bodyAt }
  }

  #take(): void {
    switch (this.#colon - this.#from) {
      case 4:
        if (this.#is('host')) this.#set('host')
        return
      case 6:
        if (this.#is('origin') || this.#is('expect')) this.#isPlain = false
        return
      case 7:
        if (this.#is('api-key')) this.#set('api-key')
        else if (this.#is('x-batch')) this.#set('x-batch')
        else if (this.#is('upgrade')) this.#isPlain = false
        return
      case 9:
        if (this.#is('x-api-key')) this.#set('x-api-key')
        return
      case 10:
        if (this.#is('x-max-cost')) this.#set('x-max-cost')
        else if (this.#is('connection') && this.#value().toLowerCase() !== 'keep-alive')
          this.#isPlain = false
        return
      case 11:
        if (this.#is('traceparent')) this.#set('traceparent')
        return
      case 12:
        if (this.#is('content-type')) this.#set('content-type')
        else if (this.#is('x-request-id')) this.#set('x-request-id')
        return
      default:
        this.#takeLonger()
    }
  }

  #takeLonger(): void {
    switch (this.#colon - this.#from) {
      case 13:
        if (this.#is('authorization')) this.#set('authorization')
        return
      case 14:
        if (this.#is('content-length')) this.#length = this.#once(this.#length)
        else if (this.#is('x-goog-api-key')) this.#set('x-goog-api-key')
        return
      case 15:
        if (this.#is('idempotency-key')) this.#set('idempotency-key')
        else if (this.#is('x-forwarded-for')) this.#set('x-forwarded-for')
        return
      case 16:
        if (this.#is('content-encoding')) this.#isPlain = false
        return
      case 17:
        if (this.#is('transfer-encoding')) this.#isPlain = false
        else if (this.#is('x-forwarded-proto')) this.#set('x-forwarded-proto')
        return
      case 19:
        if (this.#is('x-client-request-id')) this.#set('x-client-request-id')
        return
      case 23:
        if (this.#is('x-stainless-retry-count')) this.#set('x-stainless-retry-count')
    }
  }

  #set(name: keyof HotHeaders): void {
    this.#headers[name] = this.#once(this.#headers[name])
  }

  #once(before: string | undefined): string {
    if (before !== undefined) this.#isPlain = false
    return this.#value()
  }

  /** In any case: of all that may stand in a name, only a letter becomes a small one by this bit. */
  #is(name: string): boolean {
    const [text, from] = [this.#text, this.#from]
    for (let at = 0; at < name.length; at++)
      if ((text.charCodeAt(from + at) | CASE) !== name.charCodeAt(at)) return false
    return true
  }

  #value(): string {
    let from = this.#colon + 1
    let end = this.#end
    while (from < end && this.#isSpace(from)) from++
    while (from < end && this.#isSpace(end - 1)) end--
    return this.#text.slice(from, end)
  }

  /** Of those that are allowed around a value: there is more that `trim` takes for one. */
  #isSpace(at: number): boolean {
    const code = this.#text.charCodeAt(at)
    return code === SPACE || code === TAB
  }
}
