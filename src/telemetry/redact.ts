/**
 * The last line of defence of the log. Log lines are allow-lists by construction; this catches what got in by mistake,
 * or by malice: secrets, endless values, odd objects. It runs when a batch is formatted, never on a caller's stack.
 */
export type LogFields = Readonly<Record<string, unknown>>

const MASK = '[redacted]'
const VALUE_CHARS_MAX = 2048
/** Scrubbed beyond the cap, so that no secret is cut into a piece too short to be recognised. */
const LOOK_AHEAD_CHARS = 128
const DEPTH_MAX = 4
const ITEMS_MAX = 100
/** Nothing this short is worth stealing, and most values of a request line are. */
const HARMLESS_CHARS = 10
/** Our own ids are shorter. */
const RUN_CHARS_MIN = 32

/** One test on all but a few values; only what it suspects is looked at closely. */
const SUSPECT = /(?<![\w-])(?:tg|sk)-[\w-]{8}|[Bb]earer |BEARER |:\/\/[^\s/@]{1,256}@/
/** At the start of a word only: our own ids may hold such letters behind their prefix. */
const PREFIXED = /(?<![\w-])(?:tg|sk)-[\w-]{8,}/g
const BEARER = /\b(bearer) +[\w.~+/=-]+/gi
const URL_CREDENTIALS = /:\/\/[^\s/@]{1,256}@/g
const LONG_RUN = /[\w+/=-]{32,}/g
const SECRET_NAMES = new Set(
  ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key', 'api-key']
    .concat(['api_key', 'api_keys', 'apikey', 'apiKey', 'apiKeys', 'password', 'secret'])
    .flatMap((name) => [name, name.toUpperCase(), name.charAt(0).toUpperCase() + name.slice(1)]),
)

/** The same object when nothing had to change, which is nearly always. */
export const scrubbed = (fields: LogFields): LogFields => scrubbedObject(fields, 0)

function scrubbedObject(source: LogFields, depth: number): LogFields {
  let copy: Record<string, unknown> | undefined
  // A third of the time that Object.keys takes; what an object inherits is not written, so not read either.
  for (const name in source) {
    if (!Object.hasOwn(source, name)) continue
    const value = source[name]
    const clean = SECRET_NAMES.has(name) ? MASK : scrubbedValue(value, depth)
    if (clean === value) continue
    copy ??= { ...source }
    copy[name] = clean
  }
  return copy ?? source
}

function scrubbedValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrubbedText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth >= DEPTH_MAX) return '[nested too deeply]'
  if (Array.isArray(value)) {
    return value.slice(0, ITEMS_MAX).map((item) => scrubbedValue(item, depth + 1))
  }
  if (value instanceof Error) return scrubbedText(`${value.name}: ${value.message}`)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (writesItself(value)) return scrubbedValue(value.toJSON(), depth + 1)
  return isFields(value) ? scrubbedObject(value, depth + 1) : undefined
}

const writesItself = (value: object): value is { toJSON: () => unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function'

const isFields = (value: unknown): value is LogFields => typeof value === 'object' && value !== null

/** Whether there is anything to scrub in a text, but for a run of random letters. */
export const isSuspect = (text: string): boolean => SUSPECT.test(text)

export function scrubbedText(text: string): string {
  if (text.length < HARMLESS_CHARS) return text
  if (text.length > VALUE_CHARS_MAX) return shortened(text)
  const isSuspect = SUSPECT.test(text)
  if (isSuspect) return masked(text)
  return text.length < RUN_CHARS_MIN ? text : withoutRandomRuns(text)
}

function shortened(text: string): string {
  const start = masked(text.slice(0, VALUE_CHARS_MAX + LOOK_AHEAD_CHARS))
  return `${start.slice(0, VALUE_CHARS_MAX)}… (${text.length} characters in all)`
}

const masked = (text: string): string =>
  withoutRandomRuns(
    text
      .replace(PREFIXED, MASK)
      .replace(BEARER, `$1 ${MASK}`)
      .replace(URL_CREDENTIALS, `://${MASK}@`),
  )

const withoutRandomRuns = (text: string): string =>
  text.replace(LONG_RUN, (run) => (looksRandom(run) ? MASK : run))

const UUID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/i
const PIECE = /[A-Za-z\d]{10,}/g

/** Paths, model names and identifiers are made of short words; a secret has a long piece without order, or is a UUID. */
const looksRandom = (run: string): boolean =>
  UUID.test(run) || (run.match(PIECE) ?? []).some(isWithoutOrder)

/** Random text changes between small letters, capitals and digits every few characters, words with a number do not. */
function isWithoutOrder(piece: string): boolean {
  let digits = 0
  let changes = 0
  let before = kindOf(piece.charAt(0))
  for (const char of piece) {
    const kind = kindOf(char)
    if (kind === 'digit') digits++
    if (kind !== before) changes++
    before = kind
  }
  return changes * (digits >= 2 ? 7 : 3) >= piece.length
}

function kindOf(char: string): 'digit' | 'small' | 'capital' {
  if (char <= '9') return 'digit'
  return char >= 'a' ? 'small' : 'capital'
}
