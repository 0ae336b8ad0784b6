import Router, { type RouterContext } from '@koa/router'
import type { Context } from 'koa'
import { koaBody } from 'koa-body'
import { readInput } from '../admin/read-input.ts'
import type { Actor } from '../domain/actor.ts'
import { accountDisabled, Failure, invalidRequest } from '../domain/failure.ts'
import { isStaff, reaches } from '../domain/role.ts'
import { overloaded } from '../gateway/overloaded.ts'
import { credentialOf } from './credential.ts'
import { standingHeaders } from './error-responses.ts'
import { Repeats } from './repeats.ts'
import { readParameters } from './read-usage-question.ts'
import type { Call, Route } from './route.ts'
import type { Site } from './site.ts'
import { countStranger } from './strangers.ts'

/** Makes the router of the table: who asks is known before anything is read, and all is read before anything is done. */
export function routerOf(table: readonly Route[], site: Site): Router {
  const router = new Router({ sensitive: true }) // or a proxy's rule for /admin would not see /ADMIN
  const repeats = new Repeats(site.house.clock.ticksMs)
  for (const route of table) {
    const method = route.method.toLowerCase() as Lowercase<Route['method']>
    router[method](patternOf(route.path), handlerOf(route, site, repeats))
  }
  return router
}

/** As the router's own patterns have it: `/a/{b}/{c*}` is `/a/:b/*c`. */
const patternOf = (path: string): string =>
  path.replace(/\{(\w+)\*\}/g, '*$1').replace(/\{(\w+)\}/g, ':$1')

const readJson = koaBody({ jsonLimit: '1mb', text: false, urlencoded: false, onError: unreadable })

/** A body that is not compressed as it says fails without a status, unlike all else that callers send wrong. */
function unreadable(cause: Error): never {
  const isMangled = 'code' in cause && /^Z_|^ERR_/.test(String(cause.code))
  throw isMangled
    ? invalidRequest('The body could not be read. Check its length and content-encoding.')
    : cause
}

const nothing = () => Promise.resolve()

function handlerOf(route: Route, site: Site, repeats: Repeats) {
  return async (ctx: RouterContext): Promise<void> => {
    const stranger = route.access === 'public' ? await countStranger(site, ctx.req) : undefined
    if (route.isRaw) {
      await route.handle(site, rawCall(ctx))
      return
    }
    if (route.canWait && site.house.load.refused !== 'nothing') {
      throw overloaded(site.house.chance, 'The gateway is busy.')
    }
    const actor = await admitted(site, route, ctx)
    if (route.params) readInput(route.params, ctx.params)
    const query = route.query && readInput(route.query, readParameters(ctx).parameters)
    const body = route.body && readInput(route.body, await bodyOf(ctx))
    ctx.set('cache-control', 'no-store')
    const call = { actor, params: ctx.params, query, body, ctx }
    const isOnce =
      route.method !== 'GET' && route.access !== 'public' && route.repeats === undefined
    const answer = await (isOnce
      ? repeats.once(ctx, actor.by, (name) =>
          route.handle(
            site,
            name === undefined ? call : { ...call, actor: { ...actor, call: name } },
          ),
        )
      : route.handle(site, call))
    if (stranger !== undefined) ctx.set(standingHeaders(stranger, site.house.clock.nowMs()))
    if (answer === undefined) return
    ctx.status = route.status ?? 200
    ctx.body = answer
  }
}

async function bodyOf(ctx: Context): Promise<unknown> {
  await readJson(ctx, nothing)
  const body = ctx.request.body as unknown
  // What was sent as something else is not nothing: it would be done without what was asked.
  if (body === undefined && ctx.request.length !== 0 && ctx.is('json') !== null)
    throw new Failure(
      'unsupported_media_type',
      "Send the body as JSON, with the header 'content-type: application/json'.",
    )
  return body ?? {}
}

/** Who asks, where they may. */
export async function admitted(
  site: Site,
  { access, credentialIn }: Pick<Route, 'access' | 'credentialIn'>,
  ctx: Context,
): Promise<Actor> {
  if (access === 'public') return NOBODY
  const actor = await site.identities.identify(
    credentialOf(ctx.req.headers) ?? inQuery(ctx, credentialIn),
  )
  if (site.house.ledger.account(actor.key.account)?.isDisabled) throw accountDisabled()
  if (access === 'known') return actor
  if (access === 'user') {
    if (!isStaff(actor.role)) return actor
    throw new Failure('key_not_allowed', 'This is about an account: use the key of a user.')
  }
  if (reaches(actor.role, access)) return actor
  const what = isStaff(actor.role) ? `yours is '${actor.role}'` : 'yours is a user key'
  throw new Failure('key_not_allowed', `This needs an admin key of the role '${access}': ${what}.`)
}

function inQuery({ query }: Context, name: string | undefined): string | undefined {
  const value = name === undefined ? undefined : query[name]
  return typeof value === 'string' ? value : undefined
}

const NOBODY: Actor = {
  ...{ by: 'nobody', role: 'user' },
  key: {
    ...{ id: 'nobody', hash: '', hint: '', account: '', role: 'user' },
    ...{ createdAt: 0, revokedAt: 0 },
  },
}

const rawCall = (ctx: RouterContext): Call => ({
  ...{ actor: NOBODY, params: ctx.params, query: undefined, body: undefined, ctx },
})
