import type { Context, Next } from 'koa'
import { answerError, answerUnanswered } from './answer-errors.ts'
import { isPreflight } from './cross-origin.ts'
import { introduced, setCommonHeaders } from './identify.ts'
import type { Site } from './site.ts'

/**
 * What every request that goes through Koa passes: it gets its id, pages of other origins their permission, and whatever
 * goes wrong behind it becomes an answer here.
 */
export function door(site: Site) {
  return async (ctx: Context, next: Next): Promise<void> => {
    ctx.state = introduced(site, ctx.req)
    try {
      if (isPreflight(ctx, site.settings().cors)) ctx.status = 204
      else await next()
      if (ctx.respond === false) return
      answerUnanswered(ctx)
      setCommonHeaders(site, ctx)
    } catch (error) {
      await answerError(site, ctx, error)
    }
  }
}
