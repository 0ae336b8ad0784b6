// Asks an upstream for its list of models, through the official client: what a person would do to see whether a key
// works. Nothing that this returns holds a secret, for upstreams like to quote the key that they refuse.
import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai'
import { z } from 'zod'

type ListingSettings = Readonly<{
  baseUrl: string
  /** None for a server that asks for none. */
  apiKey: string | undefined
  headers: Readonly<Record<string, string>>
  timeoutMs: number
}>

export type Listing =
  | Readonly<{ kind: 'listed'; models: readonly string[] }>
  | Readonly<{
      kind: 'failed'
      reason: ListingFault
      status: number | undefined
      /** The upstream's own words or the network's code, without anything of a secret. */
      detail: string
    }>

export type ListingFault =
  | 'bad_key'
  | 'no_money'
  | 'no_rights'
  | 'rate_limited'
  | 'misrouted' // redirects, 404, 405: not the address of an API
  | 'refused' // every other 4xx
  | 'server'
  | 'dns'
  | 'tls'
  | 'unreachable'
  | 'timeout'
  | 'no_list' // an answer, but no list of models

/** The longest list known has half a megabyte. */
const BODY_BYTES_MAX = 16 * 1024 * 1024
const DETAIL_CHARS_MAX = 200

/** One request, without retries. The deadline covers the body too, which the client's own timeout does not. */
export async function listModels(settings: ListingSettings): Promise<Listing> {
  const signal = AbortSignal.timeout(settings.timeoutMs)
  const fail = (found: Found): Listing => ({
    kind: 'failed',
    reason: found.reason,
    status: found.status,
    detail: withoutSecrets(found.detail, secretsOf(settings)).slice(0, DETAIL_CHARS_MAX),
  })
  try {
    const response = await clientFor(settings).models.list({ signal }).asResponse()
    const text = await readText(response)
    const models = namesIn(text)
    if (models !== undefined) return { kind: 'listed', models }
    return fail({ reason: 'no_list', status: response.status, detail: text })
  } catch (error) {
    return fail(signal.aborted ? LATE : faultOf(error))
  }
}

/** Everything that the client would take from the environment is said here: the gateway takes nothing from there. */
function clientFor({ baseUrl, apiKey, headers, timeoutMs }: ListingSettings): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    apiKey: apiKey ?? 'none',
    organization: null,
    project: null,
    defaultHeaders: {
      ...headers,
      'user-agent': 'tollgate',
      ...(apiKey === undefined && { authorization: null }),
    },
    timeout: timeoutMs,
    maxRetries: 0,
    logLevel: 'off',
    // The gateway follows no redirect either: a key goes to the address that was configured, or nowhere.
    fetchOptions: { redirect: 'manual' },
  })
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return ''
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of response.body as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength
    if (bytes > BODY_BYTES_MAX) return `more than ${BODY_BYTES_MAX} bytes`
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

const models = z.array(z.object({ id: z.string() }))
/** As OpenAI has it, null where a fresh Ollama has none; or the bare list that Together sends. */
const modelList = z.union([
  models,
  z.object({ data: models.nullable() }).transform(({ data }) => data ?? []),
])

function namesIn(text: string): readonly string[] | undefined {
  try {
    return modelList.parse(JSON.parse(text)).map(({ id }) => id)
  } catch {
    return undefined // HTML of a proxy, say, or JSON of something else: told as what it is not
  }
}

type Found = Readonly<{ reason: ListingFault; status: number | undefined; detail: string }>

const LATE: Found = { reason: 'timeout', status: undefined, detail: 'timeout' }

function faultOf(error: unknown): Found {
  if (error instanceof APIConnectionTimeoutError) return LATE
  if (error instanceof APIError) {
    const { status, code, type, message } = error as APIError
    const isPoor = [code, type].includes('insufficient_quota')
    if (status !== undefined) return { reason: reasonOf(status, isPoor), status, detail: message }
  }
  const code = codeOf(error)
  if (code === undefined && error instanceof APIConnectionError) {
    // fetch itself refuses some ports, with words alone.
    return { reason: 'unreachable', status: undefined, detail: rootOf(error).message }
  }
  if (code === undefined) throw error
  return { reason: networkReason(code), status: undefined, detail: code }
}

function reasonOf(status: number, isPoor: boolean): ListingFault {
  if (status === 402 || (status === 429 && isPoor)) return 'no_money'
  if (status === 401) return 'bad_key'
  if (status === 403) return 'no_rights'
  if (status === 429) return 'rate_limited'
  if (status < 400 || status === 404 || status === 405) return 'misrouted'
  return status < 500 ? 'refused' : 'server'
}

/** The first code along the causes: fetch wraps what Node's sockets say. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return codeOf(error.cause)
}

const rootOf = (error: Error): Error => (error.cause instanceof Error ? rootOf(error.cause) : error)

function networkReason(code: string): ListingFault {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns'
  if (/TIMEOUT|TIMEDOUT/.test(code)) return 'timeout'
  return /CERT|TLS|SSL|SIGNATURE|EPROTO/.test(code) ? 'tls' : 'unreachable'
}

function secretsOf({ apiKey, headers }: ListingSettings): readonly string[] {
  const values = apiKey === undefined ? Object.values(headers) : [apiKey, ...Object.values(headers)]
  return values.map((value) => value.toLowerCase())
}

/** As many characters of a secret as may stand together by chance. */
const RUN_CHARS = 6
/** What people mask secrets with, and how keys begin. */
const MASKED = /\*{2}|•|…|^\W*(?:sk|pk|rk|gsk|xai|tg)[-_]\w/i

/** Upstreams quote keys whole, cut short, or with stars in their middle: a word with any of it goes. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  const line = text.slice(0, 10 * DETAIL_CHARS_MAX).replace(/[\s\p{C}]+/gu, ' ')
  const words = line.trim().split(' ')
  const shown = words.map((word) => {
    const isSecret = MASKED.test(word) || secrets.some((one) => holdsPart(word.toLowerCase(), one))
    return isSecret ? '[redacted]' : word
  })
  return shown.join(' ')
}

function holdsPart(word: string, secret: string): boolean {
  if (secret.length < RUN_CHARS) return word.includes(secret)
  const last = word.length - RUN_CHARS
  return Array.from({ length: Math.max(last + 1, 0) }, (_, at) =>
    word.slice(at, at + RUN_CHARS),
  ).some((run) => secret.includes(run))
}
