import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { cameByTls, type From } from './client-address.ts'
import { allowOrigin } from './cross-origin.ts'
import type { Site } from './site.ts'

const A_YEAR = 'max-age=31536000'
const CLIENT_ID = /^[\x21-\x7e]{1,128}$/

/**
 * Headers that every answer to a request carries, names and values in turn. They are set in one go with the others of the
 * answer: setting them one by one before would cost the hot path more than all of Koa.
 */
export type CommonHeaders = string[]

/**
 * Every answer carries our request id; a caller's own comes back under its own name and is never a reference of ours. Who
 * came by TLS is to do so the next time, too.
 */
export function identified({ newRequestId, settings }: Site, from: From): CommonHeaders {
  const { headers } = from
  const common: CommonHeaders = ['x-request-id', newRequestId()]
  const theirs = headers['x-client-request-id'] ?? headers['x-request-id']
  if (typeof theirs === 'string' && CLIENT_ID.test(theirs)) {
    common.push('x-client-request-id', theirs)
  }
  if (headers['x-forwarded-proto'] !== undefined && cameByTls(from, settings().trustedProxies))
    common.push('strict-transport-security', A_YEAR)
  return common
}

/** And what the page of a browser needs to read it. */
export function introduced(site: Site, req: IncomingMessage): CommonHeaders {
  const common = identified(site, req)
  if (req.headers.origin !== undefined) allowOrigin(req, common, site.settings().cors)
  return common
}

export const requestIdIn = (common: CommonHeaders): string => common[1] ?? ''

/** For the routes that answer through Koa. */
export const commonHeaders = (ctx: Context): CommonHeaders => ctx.state

/** For browsers that were led here: nothing here is to be framed, guessed at or told where somebody came from. */
export const GUARD_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-xss-protection': '1; mode=block',
  'referrer-policy': 'no-referrer',
}
/** And where an answer is no page, it loads nothing. */
export const NO_PAGE = { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" }

export function setCommonHeaders(ctx: Context): void {
  const common = commonHeaders(ctx)
  ctx.set(GUARD_HEADERS)
  if (!ctx.res.hasHeader('content-security-policy')) ctx.set(NO_PAGE)
  for (let at = 0; at < common.length; at += 2) {
    const [name = '', value = ''] = [common[at], common[at + 1]]
    if (name === 'vary') ctx.vary(value)
    else ctx.set(name, value)
  }
}
