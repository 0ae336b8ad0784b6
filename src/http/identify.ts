import type { Context } from 'koa'
import type { Site } from './site.ts'

const CLIENT_ID = /^[\x21-\x7e]{1,128}$/

/**
 * Headers that every answer to this request carries. They are set in one go with the others of the answer: setting them
 * one by one before would cost the hot path more than all of Koa.
 */
export type CommonHeaders = Record<string, string>

/** Every answer carries our request id; a caller's own comes back under its own name and is never a reference of ours. */
export function identify({ newRequestId, settings }: Site, ctx: Context): void {
  const headers: CommonHeaders = { 'x-request-id': newRequestId() }
  const theirs = ctx.req.headers['x-client-request-id'] ?? ctx.req.headers['x-request-id']
  if (typeof theirs === 'string' && CLIENT_ID.test(theirs)) headers['x-client-request-id'] = theirs
  if (settings().isLeaving) headers['connection'] = 'close'
  ctx.state = headers
}

export const commonHeaders = (ctx: Context): CommonHeaders => ctx.state

export const requestIdOf = (ctx: Context): string => commonHeaders(ctx)['x-request-id'] ?? ''
