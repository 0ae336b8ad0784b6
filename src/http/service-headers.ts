// Which headers pass between callers and services. What belongs to one connection, says who somebody is, or speaks for the
// whole address, is each side's own.
import type { IncomingMessage } from 'node:http'
import type { Actor } from '../domain/actor.ts'
import type { ServiceHeaders } from '../ports/service-client.ts'
import { cameByTls, clientAddress } from './client-address.ts'

/** Others are read by some as if they had dashes: as `x_user_id`, say, anybody could write `x-user-id`. */
const PLAIN_NAME = /^[a-z0-9-]+$/

const OF_A_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'host'],
  ...['content-length', 'expect', 'http2-settings'],
])

/** The gateway's to say, and what lets somebody in here, which is nobody else's business. */
const NOT_ASKED_WITH = new Set([
  ...['authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'cookie', 'cookie2'],
  ...['forwarded', 'via', 'x-real-ip', 'x-request-id', 'x-user-id', 'x-user-role'],
])
const isAskedWith = (name: string): boolean =>
  PLAIN_NAME.test(name) && !NOT_ASKED_WITH.has(name) && !name.startsWith('x-forwarded-')

const NOT_ANSWERED_WITH = new Set([
  ...['set-cookie', 'set-cookie2', 'server', 'via', 'alt-svc', 'strict-transport-security'],
  'x-request-id',
])
const isAnsweredWith = (name: string): boolean =>
  !NOT_ANSWERED_WITH.has(name) && !name.startsWith('access-control-') // pages ask the gateway

type Asking = Readonly<{
  requestId: string
  /** Undefined where nobody asked who it is. */
  actor: Actor | undefined
  trustedProxies: readonly string[]
}>

export function headersToService(req: IncomingMessage, asking: Asking): ServiceHeaders {
  const { requestId, actor, trustedProxies } = asking
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of passing(req.rawHeaders, isAskedWith)) {
    const before = headers[name] ?? []
    headers[name] = [before, value].flat()
  }
  return {
    ...headers,
    'x-forwarded-for': clientAddress(req, trustedProxies),
    'x-forwarded-proto': cameByTls(req, trustedProxies) ? 'https' : 'http',
    ...(req.headers.host !== undefined && { 'x-forwarded-host': req.headers.host }),
    'x-request-id': requestId,
    ...(actor && { 'x-user-id': actor.key.id, 'x-user-role': actor.role }),
  }
}

/** Names and values; how long the body is, is not among them. */
export const headersFromService = (
  rawHeaders: readonly string[],
): readonly (readonly [string, string])[] => [...passing(rawHeaders, isAnsweredWith)]

function* passing(rawHeaders: readonly string[], isWanted: (name: string) => boolean) {
  const ofThisOne = namedByConnection(rawHeaders)
  for (const [name, value] of pairs(rawHeaders)) {
    const isConnections = OF_A_CONNECTION.has(name) || name.startsWith('proxy-')
    if (!isConnections && !ofThisOne.has(name) && isWanted(name)) yield [name, value] as const
  }
}

function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const named = new Set<string>()
  for (const [name, value] of pairs(rawHeaders))
    if (name === 'connection')
      for (const one of value.split(',')) named.add(one.trim().toLowerCase())
  return named
}

function* pairs(rawHeaders: readonly string[]) {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    yield [(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? ''] as const
}
