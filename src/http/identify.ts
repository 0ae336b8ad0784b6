import type { Context, Next } from 'koa'
import type { Site } from './site.ts'

const CLIENT_ID = /^[\x21-\x7e]{1,128}$/

/** Every answer carries our request id; a caller's own comes back under its own name and is never a reference of ours. */
export function identify({ newRequestId }: Site) {
  return (ctx: Context, next: Next): Promise<unknown> => {
    const requestId = newRequestId()
    ctx.state['requestId'] = requestId
    ctx.res.setHeader('x-request-id', requestId)
    const theirs = ctx.req.headers['x-client-request-id'] ?? ctx.req.headers['x-request-id']
    if (typeof theirs === 'string' && CLIENT_ID.test(theirs)) {
      ctx.res.setHeader('x-client-request-id', theirs)
    }
    return next()
  }
}

export const requestIdOf = (ctx: Context): string => String(ctx.state['requestId'])
