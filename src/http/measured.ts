import type { Context, Next } from 'koa'
import type { HttpRoute } from '../ports/events.ts'
import type { Site } from './site.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** What nginx calls it: the caller left before the answer. */
export const CALLER_LEFT = 499

const routes = new Map<string, HttpRoute>()

/** One object for each, as the metrics have it: there are as many as there are routes and services. */
export function routeNamed(asked: string, endpoint: string): HttpRoute {
  const method = METHODS.has(asked) ? asked : 'other'
  const name = `${method} ${endpoint}`
  const route = routes.get(name) ?? { method, endpoint }
  routes.set(name, route)
  return route
}

type Matched = { _matchedRoute?: unknown }

/** For what the router does not know. */
export function measureAs(ctx: Context & Matched, endpoint: string): void {
  ctx._matchedRoute = endpoint
}

/** Tells of every answer that Koa gives, by the route's own name: what matches no route is `other`. */
export function measured({ house }: Site) {
  const { clock, events } = house
  const routeOf = ({ method, _matchedRoute: matched }: Context & Matched): HttpRoute =>
    routeNamed(method, typeof matched === 'string' ? matched : 'other')
  return async (ctx: Context, next: Next): Promise<void> => {
    const begun = clock.ticksMs()
    await next()
    if (ctx.respond === false) return // it told of itself
    const status = ctx.res.destroyed ? CALLER_LEFT : ctx.status
    events.answered(routeOf(ctx), status, clock.ticksMs() - begun)
  }
}
