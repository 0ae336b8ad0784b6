import { isObject, type JsonObject } from '../../domain/chat-request.ts'
import { faultKindOf, type Fault } from '../../domain/fault.ts'

/** What an upstream's refusal means, and which of its words a caller may see. */
export function faultFromStatus(
  status: number,
  body: string,
  retryAfter: string | undefined,
): Fault {
  const kind = faultKindOf(status)
  const error = errorOf(body)
  const retryAfterMs = retryAfterOf(retryAfter)
  return {
    kind,
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    detail: `HTTP ${status}${wordsFor(kind, error)}`,
    ...(kind === 'refused' && { refusal: refusalFrom(error) }),
  }
}

/** For the log. A refusal of the request may quote the prompt, so it keeps its words for the caller. */
function wordsFor(kind: Fault['kind'], { message, type, code }: JsonObject): string {
  const words = kind === 'refused' ? [type, code] : [type, code, message]
  return words
    .filter((word) => typeof word === 'string' && word !== '')
    .map((word) => `: ${String(word)}`)
    .join('')
}

/** An error that came inside a 200: as a body or as an event of the stream. */
export function faultFromError(error: unknown): Fault {
  const known = isObject(error) ? error : {}
  const code = known['code']
  const status = typeof code === 'number' && code >= 400 && code < 600 ? code : undefined
  const kind = status === undefined ? 'server' : faultKindOf(status)
  const detail = `an error in the answer${wordsFor(kind, known)}`
  if (status === undefined) return { kind, detail }
  return { kind, status, detail, ...(kind === 'refused' && { refusal: refusalFrom(known) }) }
}

export function faultFromNetwork(error: Error, hadAnswer: boolean): Fault {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  // What is no HTTP came from somebody: so the request has been seen, and is not one to be sent again.
  const isBroken = hadAnswer || code === 'NO_HTTP'
  return { kind: isBroken ? 'broken' : 'connect', detail: `${code}: ${error.message}` }
}

export const broken = (detail: string): Fault => ({ kind: 'broken', detail })

function errorOf(body: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(body)
    if (!isObject(parsed)) return {}
    return isObject(parsed['error']) ? parsed['error'] : parsed
  } catch {
    return {} // HTML of a proxy, say: nothing in it is for the caller
  }
}

/** What providers say of a prompt that is too long. Each has a code of its own for it, if any, and agents wait for OpenAI's. */
const TOO_LONG =
  /maximum (?:context|prompt) length|exceeds? .{0,40}context (?:window|size|length|limit)|prompt is too long|input tokens exceed/i

function refusalFrom(error: JsonObject): NonNullable<Fault['refusal']> {
  const { message, type, param } = error
  const isTooLong = typeof message === 'string' && TOO_LONG.test(message)
  const code = isTooLong ? 'context_length_exceeded' : error['code']
  return {
    message:
      typeof message === 'string' && message !== ''
        ? message
        : 'The provider refused the request. Check its fields against the documentation of the model.',
    type: typeof type === 'string' ? type : 'invalid_request_error',
    param: typeof param === 'string' ? param : null,
    code: typeof code === 'string' ? code : null,
  }
}

/**
 * A fault as it may leave here: addresses, keys and account names of the operator's are nobody else's business. The key of
 * the call goes first, whatever it looks like, because some providers say it back.
 */
export function tellable(fault: Fault, apiKey: string): Fault {
  const { detail, refusal } = fault
  const withoutKey = (text: string): string =>
    apiKey === '' ? text : text.replaceAll(apiKey, '[redacted]')
  const word = (text: string): string => withoutSecrets(withoutKey(text)).slice(0, WORD_CHARS_MAX)
  return {
    ...fault,
    ...(detail !== undefined && { detail: withoutKey(detail).slice(0, DETAIL_CHARS_MAX) }),
    ...(refusal !== undefined && {
      refusal: {
        message: withoutAddresses(withoutSecrets(withoutKey(refusal.message))).slice(
          0,
          MESSAGE_CHARS_MAX,
        ),
        type: word(refusal.type),
        param: refusal.param === null ? null : word(refusal.param),
        code: refusal.code === null ? null : word(refusal.code),
      },
    }),
  }
}

const DETAIL_CHARS_MAX = 600
const MESSAGE_CHARS_MAX = 2_000
const WORD_CHARS_MAX = 200

const withoutAddresses = (text: string): string =>
  ADDRESSES.reduce((shown, pattern) => shown.replace(pattern, '[address]'), text)

const withoutSecrets = (text: string): string =>
  SECRETS.reduce((shown, pattern) => shown.replace(pattern, '[redacted]'), text)

const SECRETS = [
  /\bBearer\s+\S+/gi,
  /\bAIza[\w-]{20,}/g,
  /\b(?:sk|pk|rk|tg)-[\w-]{6,}/g,
  /\b(?:key|org|proj|user|acct)[-_](?=[A-Za-z0-9]*\d)[A-Za-z0-9]{6,}/g,
]
const ADDRESSES = [
  /https?:\/\/\S+/g,
  /\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?/g,
  /\b(?:[a-z0-9-]+\.){2,}[a-z]{2,}(?::\d+)?\b/gi, // a host name: sentences have a space behind their dots
]

/** Zero, less, and a date that our clock has passed say no time at all: whoever is limited is not to come back at once. */
function retryAfterOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1_000
  return ms > 0 && Number.isFinite(ms) ? ms : undefined
}
