import type { Context, Next } from 'koa'
import { answerError, answerUnanswered } from './answer-errors.ts'
import { allowOrigin, isPreflight } from './cross-origin.ts'
import { CHAT_COMPLETIONS, chatCompletions } from './routes/chat-completions.ts'
import { commonHeaders, identify } from './identify.ts'
import type { Site } from './site.ts'

/**
 * What every request passes: it gets its id, pages of other origins their permission, and whatever goes wrong behind it
 * becomes an answer here, in the one place for that. The route that nearly all requests take is answered in front of the
 * router, because matching it among the others there cost some 4 % of the whole request; the router lists it as well,
 * for the methods that it refuses.
 */
export function door(site: Site) {
  const chat = chatCompletions(site)
  return async (ctx: Context, next: Next): Promise<void> => {
    identify(site, ctx)
    if (ctx.req.headers.origin !== undefined) allowOrigin(ctx)
    try {
      if (ctx.req.url === CHAT_COMPLETIONS && ctx.req.method === 'POST') {
        await chat(ctx)
        return
      }
      if (isPreflight(ctx)) ctx.status = 204
      else await next()
      if (ctx.respond === false) return
      answerUnanswered(ctx)
      ctx.set(commonHeaders(ctx))
    } catch (error) {
      answerError(site, ctx, error)
    }
  }
}
