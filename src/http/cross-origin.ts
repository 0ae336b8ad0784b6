import type { Context } from 'koa'
import { commonHeaders } from './identify.ts'

const EXPOSED = [
  'x-request-id, x-client-request-id, retry-after, retry-after-ms, x-should-retry',
  'x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests',
  'x-tollgate-cost, x-tollgate-balance, x-tollgate-provider, x-tollgate-attempts',
].join(', ')

/** Pages of any origin may call /v1 with a bearer key; there are no cookies that a page could abuse. */
export function allowOrigin(ctx: Context): void {
  if (!ctx.path.startsWith('/v1/')) return
  const headers = commonHeaders(ctx)
  headers['access-control-allow-origin'] = '*'
  headers['access-control-expose-headers'] = EXPOSED
  if (ctx.method !== 'OPTIONS') return
  headers['access-control-allow-methods'] = 'GET, POST, OPTIONS'
  const asked = ctx.req.headers['access-control-request-headers']
  if (asked !== undefined) headers['access-control-allow-headers'] = asked
  headers['access-control-max-age'] = '86400'
}

/** A browser asks before it calls; that needs no key. */
export const isPreflight = (ctx: Context): boolean =>
  ctx.method === 'OPTIONS' && ctx.req.headers.origin !== undefined && ctx.path.startsWith('/v1/')
