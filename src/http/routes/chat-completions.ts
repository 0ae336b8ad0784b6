import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { linesOf } from '../../ports/header-lines.ts'
import type { HttpRoute } from '../../ports/events.ts'
import { failureFrom } from '../answer-errors.ts'
import type { IncomingCall, ReadBody } from '../../gateway/house.ts'
import { isToken } from '../../admin/identify.ts'
import type { Credential } from '../../gateway/authenticate.ts'
import { credentialOf } from '../credential.ts'
import { CALLER_LEFT } from '../measured.ts'
import { identified, identityOf, introduced, type Identity } from '../identify.ts'
import { anyObject } from '../forms.ts'
import { HttpReply } from '../http-reply.ts'
import { IncomingBody, type BodySource } from '../incoming-body.ts'
import { nodeBody } from '../node-body.ts'
import { NodeWire } from '../node-wire.ts'
import type { QuickConnection } from '../quick/quick-connection.ts'
import type { HotHeaders } from '../quick/request-head.ts'
import { readChatRequest } from '../read-chat-request.ts'
import { route } from '../route.ts'
import { addressHeaders } from '../error-responses.ts'
import { countFailed } from '../strangers.ts'
import type { Site } from '../site.ts'
import { chatForm } from './chat-form.ts'
import type { Wire } from '../wire.ts'

export const CHAT_COMPLETIONS = '/v1/chat/completions'
const ROUTE: HttpRoute = { method: 'POST', endpoint: CHAT_COMPLETIONS }

/**
 * POST /v1/chat/completions, which nearly all requests are: without Koa, because its context and its watch over the
 * response would cost each of them as much as the ledger does.
 */
export function chatCompletions(site: Site) {
  return {
    /** On the bare connection. */
    answer: (connection: QuickConnection, headers: HotHeaders): void => {
      const { socket } = connection
      const identity = identified(site, { headers, socket })
      void complete(site, { headers, socket, identity, wire: connection, source: connection })
    },
    /** Over Node's request and response. */
    answerByNode: (req: IncomingMessage, res: ServerResponse): void => {
      void complete(site, nodeExchange(req, res, introduced(site, req)))
    },
  }
}

const nodeExchange = (req: IncomingMessage, res: ServerResponse, identity: Identity) => ({
  ...{ headers: req.headers, socket: req.socket, identity },
  ...{ wire: new NodeWire(res), source: nodeBody(req) },
})

/** The same for addresses that the router had to look at first; and its place in the documentation. */
export const chatRoutes = [
  route({
    method: 'POST',
    path: CHAT_COMPLETIONS,
    access: 'user',
    summary: 'A chat completion, as the OpenAI API has it; streamed with `stream`',
    body: chatForm,
    answer: anyObject('A chat completion; in a stream `usage` says what it `cost`, too'),
    alsoAs: 'text/event-stream',
    isRaw: true,
    handle(site, { ctx }) {
      ctx.respond = false
      return complete(site, nodeExchange(ctx.req, ctx.res, identityOf(ctx)))
    },
  }),
]

/** A header that came twice is no amount, and is refused as such. */
const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header

/** A request, and the way back to its caller. */
type Exchange = Readonly<{
  headers: HotHeaders
  socket: Pick<Socket, 'remoteAddress'>
  identity: Identity
  wire: Wire
  source: BodySource
}>

/** The request as it came in, and the memory that its body has until it is over. */
class ChatCall implements IncomingCall {
  readonly requestId: string
  credential: Credential
  readonly maxCost: string | undefined
  readonly batch: string | undefined
  readonly idempotencyKey: string | undefined
  readonly retryCount: string | undefined
  readonly #type: string | undefined
  readonly #body: IncomingBody

  constructor(headers: HotHeaders, requestId: string, body: IncomingBody) {
    this.requestId = requestId
    this.credential = credentialOf(headers)
    this.maxCost = one(headers['x-max-cost'])
    this.batch = one(headers['x-batch'])
    this.idempotencyKey = one(headers['idempotency-key'])
    this.retryCount = one(headers['x-stainless-retry-count'])
    this.#type = headers['content-type']
    this.#body = body
  }

  read(): ReadBody | Promise<ReadBody> {
    return readChatRequest(this.#type, this.#body)
  }
}

async function complete(site: Site, exchange: Exchange): Promise<void> {
  const { headers, identity, wire, source } = exchange
  const { clock, events, traces } = site.house
  const begun = clock.ticksMs()
  const settings = site.settings()
  const { requestId, lines } = identity
  traces?.begin(requestId, one(headers.traceparent))
  const reply = new HttpReply(wire, lines, settings)
  const body = new IncomingBody(source, site.intake, settings.bodyBytesMax)
  try {
    const call = new ChatCall(headers, requestId, body)
    const { credential } = call
    if (isToken(credential)) call.credential = await site.identities.resolve(credential)
    await site.completions.complete(call, reply)
  } catch (error) {
    const failure = failureFrom(site, { requestId, where: `POST ${CHAT_COMPLETIONS}` }, error)
    if (failure.code === 'request_timeout') wire.closeAfter() // the rest may still come
    const told = await countFailed(site, exchange, failure)
    reply.announce(linesOf(addressHeaders(told.details, clock.nowMs())))
    reply.fail(told)
  } finally {
    body.giveBack()
  }
  const status = reply.status ?? CALLER_LEFT
  traces?.ended(requestId, status)
  events.answered(ROUTE, status, clock.ticksMs() - begun)
}
