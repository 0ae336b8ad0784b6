import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { headerLine, joined, linesOf, NO_LINES, type HeaderLines } from '../ports/header-lines.ts'

/** Which pages may call: those of any origin where nothing is listed, of /v1 alone; the rest is for those listed. */
export type CorsSettings = Readonly<{
  /** Of /v1; undefined is every origin. */
  origins: ReadonlySet<string> | undefined
  /** Of everything else: at first none. */
  adminOrigins: ReadonlySet<string>
}>

const EXPOSED = [
  'x-request-id, x-client-request-id, retry-after, retry-after-ms, x-should-retry',
  'x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset',
  'x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens',
  'x-tollgate-cost, x-tollgate-balance, x-tollgate-provider, x-tollgate-attempts, x-tollgate-replayed',
].join(', ')

/** There are no cookies that a page could abuse, so no answer allows credentials: keys are sent by hand. */
export function originLines(req: IncomingMessage, cors: CorsSettings): HeaderLines {
  const allowed = allowedOrigin(req, cors)
  const vary = allowed === '*' ? NO_LINES : VARY
  if (allowed === undefined) return vary
  const asked = req.headers['access-control-request-headers']
  return joined(
    vary,
    linesOf({
      'access-control-allow-origin': allowed,
      'access-control-expose-headers': EXPOSED,
      ...(req.method === 'OPTIONS' && {
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
        ...(asked !== undefined && { 'access-control-allow-headers': asked }),
        'access-control-max-age': '86400',
      }),
    }),
  )
}

const VARY = headerLine('vary', 'origin')

function allowedOrigin({ url = '', headers }: IncomingMessage, cors: CorsSettings) {
  const { origin = '' } = headers
  if (!url.startsWith('/v1/')) return cors.adminOrigins.has(origin) ? origin : undefined
  if (cors.origins === undefined) return '*'
  return cors.origins.has(origin) ? origin : undefined
}

/** A browser asks before it calls; that needs no key. */
export const isPreflight = ({ method, req }: Context, cors: CorsSettings): boolean =>
  method === 'OPTIONS' && req.headers.origin !== undefined && allowedOrigin(req, cors) !== undefined
