import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import Koa, { type Context } from 'koa'
import type { Site } from './site.ts'
import { canonicalize } from './canonical-url.ts'
import { invalidRequest } from '../domain/failure.ts'
import { door } from './door.ts'
import { HttpReply } from './http-reply.ts'
import { introduced } from './identify.ts'
import { malformed } from './malformed.ts'
import { measured } from './measured.ts'
import { NodeWire } from './node-wire.ts'
import { KEPT_SECONDS } from './quick/answer-head.ts'
import { QuickServer } from './quick/quick-server.ts'
import { refuseTunnel, refuseUnparsed } from './refuse-unparsed.ts'
import { CHAT_COMPLETIONS, chatCompletions } from './routes/chat-completions.ts'
import { routerOf } from './router.ts'
import { ROUTES } from './routes/routes.ts'
import { isServed } from './served-hosts.ts'
import { servicePrefixes } from './service-prefixes.ts'
import { countStranger, PROBES } from './strangers.ts'

export type ServerSettings = Readonly<{ connectionsMax: number }>

/** The HTTP server: Koa behind Node's own limits on time and size, and in front of it the one route that nearly all take. */
export function createServer(site: Site, { connectionsMax }: ServerSettings): Server {
  const app = new Koa<object, Context>()
  app.silent = true // whatever goes wrong is answered and told in one place: the door
  app.use(measured(site))
  app.use(door(site))
  const router = routerOf(ROUTES, site)
  app.use(router.routes())
  app.use(router.allowedMethods())
  app.use(servicePrefixes(site))
  app.use((ctx) => countStranger(site, ctx.req)) // what no route takes
  const handle = app.callback()
  const chat = chatCompletions(site)
  const { settings } = site
  const server = new QuickServer(LIMITS, onRequest, { ...chat, settings })
  server.maxConnections = connectionsMax
  // Counted by ourselves: Node drops those beyond its own number without a word, or calls them too large, by its version.
  server.maxHeadersCount = 0
  server.on('clientError', refuseUnparsed)
  server.on('connect', refuseTunnel)
  server.on('checkExpectation', onRequest)
  return server

  function onRequest(req: IncomingMessage, res: ServerResponse): void {
    canonicalize(req)
    if (settings().isLeaving) res.shouldKeepAlive = false
    const wrong = malformed(req) ?? misdirected(site, req)
    if (wrong !== undefined) refuse(site, { req, res, wrong })
    else if (req.url === CHAT_COMPLETIONS && req.method === 'POST') answerChat(req, res)
    else void handle(req, res)
  }

  function answerChat(req: IncomingMessage, res: ServerResponse): void {
    if (server.isLastByNode(req.socket)) res.shouldKeepAlive = false
    chat.answerByNode(req, res)
  }
}

const HEADER_BYTES_MAX = 16 * 1024
const LIMITS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  requireHostHeader: false, // refused by ourselves, with a reason
  headersTimeout: 10_000,
  requestTimeout: 300_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: KEPT_SECONDS * 1_000,
} as const

const misdirected = ({ settings }: Site, { url = '', headers }: IncomingMessage) =>
  isServed(settings().hosts, headers.host) || PROBES.has(url)
    ? undefined
    : 'This host is not served here: its name is not among the `hosts` of the configuration.'

type Malformed = Readonly<{ req: IncomingMessage; res: ServerResponse; wrong: string }>

/** On a connection of which nobody knows where the next request begins. */
function refuse(site: Site, { req, res, wrong }: Malformed): void {
  res.shouldKeepAlive = false
  const { lines } = introduced(site, req)
  new HttpReply(new NodeWire(res), lines, site.settings()).fail(invalidRequest(wrong))
}
