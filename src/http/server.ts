import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import Koa, { type Context } from 'koa'
import type { Site } from './site.ts'
import { canonicalUrl } from './canonical-url.ts'
import { door } from './door.ts'
import { measured } from './measured.ts'
import { CHAT_COMPLETIONS, chatCompletions } from './routes/chat-completions.ts'
import { routerOf } from './router.ts'
import { ROUTES } from './routes/routes.ts'

export type ServerSettings = Readonly<{ connectionsMax: number }>

/** The HTTP server: Koa behind Node's own limits on time and size, and the one route in front of it that nearly all take. */
export function createServer(site: Site, { connectionsMax }: ServerSettings): Server {
  const app = new Koa<object, Context>()
  app.silent = true // whatever goes wrong is answered and told in one place: the door
  app.use(measured(site))
  app.use(door(site))
  const router = routerOf(ROUTES, site)
  app.use(router.routes())
  app.use(router.allowedMethods())
  const handle = app.callback()
  const chat = chatCompletions(site)
  const server = http.createServer({ ...TIMES, maxHeaderSize: HEADER_BYTES_MAX }, onRequest)
  server.maxConnections = connectionsMax
  server.on('clientError', refuseUnparsed)
  server.on('checkExpectation', onRequest)
  return server

  function onRequest(req: IncomingMessage, res: ServerResponse): void {
    req.url = canonicalUrl(req.url ?? '/')
    if (req.url === CHAT_COMPLETIONS && req.method === 'POST') void chat(req, res)
    else void handle(req, res)
  }
}

const HEADER_BYTES_MAX = 16 * 1024
const TIMES = {
  headersTimeout: 10_000,
  requestTimeout: 300_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 100_000, // longer than the pool of a proxy in front, or it meets closed connections
} as const

/** What cannot be parsed as HTTP has no route and no request id; it gets the shape of the others and the door. */
function refuseUnparsed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The headers are too large. Send less than 16 KiB.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive. Send it again.']
        : ['400 Bad Request', 'This is not a valid HTTP request.']
  const body = JSON.stringify({
    error: { message, type: 'invalid_request_error', param: null, code: 'invalid_request' },
  })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nx-should-retry: false\r\nconnection: close\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
