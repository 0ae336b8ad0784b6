import type { Context, Next } from 'koa'
import type { HttpRoute } from '../ports/events.ts'
import type { Site } from './site.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** What nginx calls it: the caller left before the answer. */
export const CALLER_LEFT = 499

/** Tells of every answer that Koa gives, by the route's own name: what matches no route is `other`. */
export function measured({ house }: Site) {
  const { clock, events } = house
  const routes = new Map<string, HttpRoute>()
  const routeOf = (ctx: Context & { _matchedRoute?: unknown }): HttpRoute => {
    const { _matchedRoute: matched } = ctx
    const endpoint = typeof matched === 'string' ? matched : 'other'
    const method = METHODS.has(ctx.method) ? ctx.method : 'other'
    const name = `${method} ${endpoint}`
    const route = routes.get(name) ?? { method, endpoint }
    routes.set(name, route)
    return route
  }
  return async (ctx: Context, next: Next): Promise<void> => {
    const begun = clock.ticksMs()
    await next()
    if (ctx.respond === false) return // it told of itself
    const status = ctx.res.destroyed ? CALLER_LEFT : ctx.status
    events.answered(routeOf(ctx), status, clock.ticksMs() - begun)
  }
}
