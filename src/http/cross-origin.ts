import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'

const EXPOSED = [
  'x-request-id, x-client-request-id, retry-after, retry-after-ms, x-should-retry',
  'x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset',
  'x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens',
  'x-tollgate-cost, x-tollgate-balance, x-tollgate-provider, x-tollgate-attempts',
].join(', ')

const isOpen = (url = ''): boolean => url.startsWith('/v1/')

/** Pages of any origin may call /v1 with a bearer key; there are no cookies that a page could abuse. */
export function allowOrigin({ url, method, headers }: IncomingMessage, answer: string[]): void {
  if (!isOpen(url)) return
  answer.push('access-control-allow-origin', '*', 'access-control-expose-headers', EXPOSED)
  if (method !== 'OPTIONS') return
  answer.push('access-control-allow-methods', 'GET, POST, OPTIONS')
  const asked = headers['access-control-request-headers']
  if (asked !== undefined) answer.push('access-control-allow-headers', asked)
  answer.push('access-control-max-age', '86400')
}

/** A browser asks before it calls; that needs no key. */
export const isPreflight = ({ method, req }: Context): boolean =>
  method === 'OPTIONS' && req.headers.origin !== undefined && isOpen(req.url)
