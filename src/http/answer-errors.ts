import type { Context } from 'koa'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { addressHeaders, errorResponse, gatewayBody } from './error-responses.ts'
import { identityOf, setCommonHeaders } from './identify.ts'
import { countFailed } from './strangers.ts'
import type { Site } from './site.ts'

/** Where errors behind Koa become responses. */
export async function answerError(site: Site, ctx: Context, error: unknown): Promise<void> {
  const { requestId } = identityOf(ctx)
  const failure = failureFrom(site, { requestId, where: `${ctx.method} ${ctx.path}` }, error)
  respond(site, ctx, await countFailed(site, ctx.req, failure))
}

/** What the router leaves without an answer becomes a refusal. */
export function answerUnanswered(ctx: Context): void {
  if (!ctx.body && UNANSWERED.has(ctx.status)) throw unanswered(ctx)
}

function respond(site: Site, ctx: Context, failure: Failure): void {
  const { code, message, details } = failure
  site.house.events.requestRefused({
    requestId: identityOf(ctx).requestId,
    code,
    message,
    cause: details.cause,
  })
  const { status, headers, body } = errorResponse(failure, site.settings().quotaStatus)
  setCommonHeaders(site, ctx)
  ctx.set({ ...headers, ...addressHeaders(details, site.house.clock.nowMs()) })
  ctx.set('cache-control', 'no-store')
  ctx.status = status
  ctx.body = ctx.path.startsWith('/v1/') ? body : gatewayBody(body, site.house.clock.nowMs())
}

/** What the router says without a body: no such route, or not by this method. */
const UNANSWERED = new Set([404, 405, 501])

/** Where clients ask that speak another of OpenAI's protocols, or with the base address of another service. */
const OTHER_CHATS = /\/(?:responses|completions)\/?$/

function unanswered(ctx: Context): Failure {
  const allowed = ctx.response.get('allow')
  if (ctx.status === 404 || allowed === '') {
    const next = OTHER_CHATS.test(ctx.path)
      ? 'Chats are answered at POST /v1/chat/completions: have your client ask there.'
      : 'GET / says what there is.'
    return new Failure(
      'not_found',
      `There is no ${ctx.method} ${ctx.path.slice(0, 100)} here. ${next}`,
    )
  }
  return new Failure('method_not_allowed', `${ctx.method} is not possible here. Use ${allowed}.`)
}

type Place = Readonly<{ requestId: string; where: string }>

/** Refusals are told as they are; koa's and koa-body's own are translated; anything else is a bug. */
export function failureFrom(site: Site, { requestId, where }: Place, error: unknown): Failure {
  if (error instanceof Failure) return error
  const status = statusOf(error)
  if (status === 413) return new Failure('body_too_large', 'The body is too large. Send less.')
  if (status === 415) return new Failure('unsupported_media_type', 'Send the body as JSON.')
  if (status !== undefined && status >= 400 && status < 500) {
    return invalidRequest('The request could not be read. Send a valid JSON body.')
  }
  site.house.events.bug({ where, requestId, error })
  return new Failure(
    'internal_error',
    `Something went wrong here. Quote the request id ${requestId}.`,
  )
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  if ('httpCode' in error && error.httpCode === 413) return 413
  return 'status' in error && typeof error.status === 'number' ? error.status : undefined
}
