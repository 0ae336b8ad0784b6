import type { Context, Next } from 'koa'
import { commonHeaders } from './identify.ts'

const EXPOSED = [
  'x-request-id, x-client-request-id, retry-after, retry-after-ms, x-should-retry',
  'x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests',
  'x-tollgate-cost, x-tollgate-balance, x-tollgate-provider, x-tollgate-attempts',
].join(', ')

/** Pages of any origin may call /v1 with a bearer key; there are no cookies that a page could abuse. */
export function crossOrigin(ctx: Context, next: Next): Promise<unknown> {
  if (ctx.req.headers.origin === undefined || !ctx.path.startsWith('/v1/')) return next()
  const headers = commonHeaders(ctx)
  headers['access-control-allow-origin'] = '*'
  headers['access-control-expose-headers'] = EXPOSED
  if (ctx.method !== 'OPTIONS') return next()
  headers['access-control-allow-methods'] = 'GET, POST, OPTIONS'
  const asked = ctx.req.headers['access-control-request-headers']
  if (asked !== undefined) headers['access-control-allow-headers'] = asked
  headers['access-control-max-age'] = '86400'
  ctx.status = 204
  return Promise.resolve()
}
