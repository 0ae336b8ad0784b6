/** An upstream that knows nothing of models: what is asked below its prefix is passed on to it. */
export type Service = Readonly<{
  name: string
  /** `/api/core`: whole segments, without a slash at its end. */
  prefix: string
  /** Where it runs, without a slash at the end; asked in turn. */
  instances: readonly string[]
  isAuthRequired: boolean
  /** Until the head of its answer, and between two pieces of a body. */
  timeoutMs: number
  /** It is asked for what stands behind the prefix. */
  stripsPrefix: boolean
  /** Of one caller; 0 is unlimited. */
  requestsPerMinute: number
  methods: readonly string[]
}>

/** What the gateway's own routes begin with, and the other ways of writing them: no service is asked below these. */
export const OWN_SEGMENTS: readonly string[] = [
  ...['v1', 'openai', 'chat', 'models', 'account', 'auth', 'admin', 'token', 'tokens', 'transfer'],
  ...[
    'referral',
    'services',
    'openapi.json',
    'docs',
    'health',
    'healthz',
    'readyz',
    'metrics',
    'monitoring',
  ],
]

/** The service of the longest prefix that the path is, or is below. */
export function serviceAt(services: readonly Service[], path: string): Service | undefined {
  let found: Service | undefined
  for (const one of services)
    if (isBelow(path, one.prefix) && one.prefix.length > (found?.prefix.length ?? 0)) found = one
  return found
}

const isBelow = (path: string, prefix: string): boolean =>
  path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')

/** What the service itself is asked for: the path as it was sent, or what stands behind the prefix. */
export const pathAtService = ({ prefix, stripsPrefix }: Service, path: string): string =>
  stripsPrefix ? path.slice(prefix.length) || '/' : path

/**
 * Whether all servers on the way read the path alike. Where it has dots, slashes or signs that some of them decode, and
 * others do not, what is below a prefix for one may be above it for the next.
 */
export const isPlainPath = (path: string): boolean =>
  /^\/[\x21\x22\x24-\x7e]*$/.test(path) &&
  !path.includes('//') &&
  path.split('/').every(isPlainSegment)

/** Encoded more often than that, it is nothing that anybody means. */
const DECODED_MAX = 3
const READ_DIFFERENTLY = /[/\\;\p{Cc}]/u

function isPlainSegment(segment: string): boolean {
  let text = segment
  for (let times = 0; times < DECODED_MAX; times++) {
    if (READ_DIFFERENTLY.test(text) || text === '.' || text === '..') return false
    const next = decoded(text)
    if (next === text) return true
    if (next === undefined) return times > 0 && !/%[0-9a-f]{2}/i.test(text) // a plain % is fine
    text = next
  }
  return false
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined // no UTF-8, or a % without its digits
  }
}
