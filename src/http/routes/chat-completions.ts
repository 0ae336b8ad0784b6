import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpRoute } from '../../ports/events.ts'
import { failureFrom } from '../answer-errors.ts'
import type { IncomingCall, ReadBody } from '../../gateway/house.ts'
import { isToken } from '../../admin/identify.ts'
import type { Credential } from '../../gateway/authenticate.ts'
import { credentialOf } from '../credential.ts'
import { CALLER_LEFT } from '../measured.ts'
import { commonHeaders, identified, requestIdIn, type CommonHeaders } from '../identify.ts'
import { anyObject } from '../forms.ts'
import { IncomingBody } from '../incoming-body.ts'
import { NodeReply } from '../node-reply.ts'
import { readChatRequest } from '../read-chat-request.ts'
import { route } from '../route.ts'
import { countFailed } from '../strangers.ts'
import type { Site } from '../site.ts'

export const CHAT_COMPLETIONS = '/v1/chat/completions'
const ROUTE: HttpRoute = { method: 'POST', endpoint: CHAT_COMPLETIONS }

/**
 * POST /v1/chat/completions, which nearly all requests are: over Node's request and response themselves, because Koa's
 * context and its watch over the response would cost each of them as much as the ledger does.
 */
export function chatCompletions(site: Site) {
  return (req: IncomingMessage, res: ServerResponse): Promise<void> =>
    complete(site, { req, res, common: identified(site, req) })
}

/** The same for addresses that the router had to look at first; and its place in the documentation. */
export const chatRoutes = [
  route({
    method: 'POST',
    path: CHAT_COMPLETIONS,
    access: 'user',
    summary: 'A chat completion, as the OpenAI API has it; streamed with `stream`',
    body: anyObject('`model` and `messages`, and whatever else OpenAI takes'),
    answer: anyObject('A chat completion, or server-sent events'),
    isRaw: true,
    handle(site, { ctx }) {
      ctx.respond = false
      const { req, res } = ctx
      return complete(site, { req, res, common: commonHeaders(ctx) })
    },
  }),
]

/** A header that came twice is no amount, and is refused as such. */
const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header

type Exchange = Readonly<{ req: IncomingMessage; res: ServerResponse; common: CommonHeaders }>

/** The request as it came in, and the memory that its body has until it is over. */
class ChatCall implements IncomingCall {
  readonly requestId: string
  credential: Credential
  readonly maxCost: string | undefined
  readonly idempotencyKey: string | undefined
  readonly retryCount: string | undefined
  readonly #req: IncomingMessage
  readonly #body: IncomingBody

  constructor(req: IncomingMessage, requestId: string, body: IncomingBody) {
    this.requestId = requestId
    this.credential = credentialOf(req.headers)
    this.maxCost = one(req.headers['x-max-cost'])
    this.idempotencyKey = one(req.headers['idempotency-key'])
    this.retryCount = one(req.headers['x-stainless-retry-count'])
    this.#req = req
    this.#body = body
  }

  read(): Promise<ReadBody> {
    return readChatRequest(this.#req, this.#body)
  }
}

async function complete(site: Site, { req, res, common }: Exchange): Promise<void> {
  const { clock, events, traces } = site.house
  const begun = clock.ticksMs()
  const { bodyBytesMax, quotaStatus } = site.settings()
  const requestId = requestIdIn(common)
  traces?.begin(requestId, one(req.headers['traceparent']))
  const reply = new NodeReply(res, common, quotaStatus)
  const body = new IncomingBody(req, site.intake, bodyBytesMax)
  try {
    const call = new ChatCall(req, requestId, body)
    const { credential } = call
    if (isToken(credential)) call.credential = await site.identities.resolve(credential)
    await site.completions.complete(call, reply)
  } catch (error) {
    const failure = failureFrom(site, { requestId, where: `POST ${CHAT_COMPLETIONS}` }, error)
    if (failure.code === 'request_timeout') res.shouldKeepAlive = false // the rest may still come
    reply.fail(await countFailed(site, req, failure))
  } finally {
    body.giveBack()
  }
  const status = res.headersSent ? res.statusCode : CALLER_LEFT
  traces?.ended(requestId, status)
  events.answered(ROUTE, status, clock.ticksMs() - begun)
}
