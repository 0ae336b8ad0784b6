import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { cameByTls, type From } from './client-address.ts'
import {
  headerLine,
  joined,
  namesAndValues,
  ownLines,
  type HeaderLines,
} from '../ports/header-lines.ts'
import { originLines } from './cross-origin.ts'
import { NO_PAGE } from './guards.ts'
import type { Site } from './site.ts'

const CLIENT_ID = /^[\x21-\x7e]{1,128}$/

/** A request's id, and the headers that every answer to it carries. */
export type Identity = Readonly<{ requestId: string; lines: HeaderLines }>

/**
 * Every answer carries our request id; a caller's own comes back under its own name and is never a reference of ours. Who
 * came by TLS is to do so the next time, too.
 */
export function identified({ newRequestId, settings }: Site, from: From): Identity {
  const { headers } = from
  const requestId = newRequestId()
  let lines = ownLines(`x-request-id: ${requestId}\r\n`)
  const theirs = headers['x-client-request-id'] ?? headers['x-request-id']
  if (typeof theirs === 'string' && CLIENT_ID.test(theirs))
    lines = joined(lines, headerLine('x-client-request-id', theirs))
  if (headers['x-forwarded-proto'] === undefined) return { requestId, lines }
  const { trustedProxies, guards } = settings()
  if (cameByTls(from, trustedProxies)) lines = joined(lines, guards.byTls)
  return { requestId, lines }
}

/** And what the page of a browser needs to read it. */
export function introduced(site: Site, req: IncomingMessage): Identity {
  const { requestId, lines } = identified(site, req)
  if (req.headers.origin === undefined) return { requestId, lines }
  return { requestId, lines: joined(lines, originLines(req, site.settings().cors)) }
}

/** For the routes that answer through Koa. */
export const identityOf = (ctx: Context): Identity => ctx.state

export function setCommonHeaders(site: Site, ctx: Context): void {
  const common = namesAndValues(identityOf(ctx).lines)
  ctx.set(site.settings().guards.all)
  if (!ctx.res.hasHeader('content-security-policy')) ctx.set(NO_PAGE)
  for (let at = 0; at < common.length; at += 2) {
    const [name = '', value = ''] = [common[at], common[at + 1]]
    if (name === 'vary') ctx.vary(value)
    else ctx.set(name, value)
  }
}
