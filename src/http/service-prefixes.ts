import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Context, Next } from 'koa'
import type { Actor } from '../domain/actor.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { isPlainPath, pathAtService, type Service } from '../domain/service.ts'
import { overloaded } from '../gateway/overloaded.ts'
import type { Asker, ServiceRequest } from '../gateway/service-calls.ts'
import { namesAndValues } from '../ports/header-lines.ts'
import { ServiceFault, type ServiceAnswer } from '../ports/service-client.ts'
import { bodyInPieces } from './body-in-pieces.ts'
import { urlAsSent } from './canonical-url.ts'
import { identityOf, setCommonHeaders } from './identify.ts'
import { CALLER_LEFT, measureAs, routeNamed } from './measured.ts'
import { admitted } from './router.ts'
import { headersFromService, headersToService } from './service-headers.ts'
import type { Site } from './site.ts'
import { addressOf } from './strangers.ts'

/** What none of the gateway's own routes takes may be below the prefix of a service. */
export function servicePrefixes(site: Site) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const service = site.serviceCalls.find(splitUrl(ctx.req.url).path)
    if (service === undefined) await next()
    else await site.serviceCalls.during(serve(site, ctx, service))
  }
}

async function serve(site: Site, ctx: Context, service: Service): Promise<void> {
  const begun = site.house.clock.ticksMs()
  measureAs(ctx, endpointOf(service))
  if (site.house.load.refused !== 'nothing')
    throw overloaded(site.house.chance, 'The gateway is busy.')
  const { isAuthRequired } = service
  const actor = await admitted(site, { access: isAuthRequired ? 'known' : 'public' }, ctx)
  const gone = new AbortController()
  ctx.res.once('close', () => {
    if (!ctx.res.writableFinished) gone.abort()
  })
  const request = requestFor(site, ctx, { service, actor, signal: gone.signal })
  const outcome = await pass(site, ctx, { service, request, actor })
  const status = outcome === 'left' ? CALLER_LEFT : ctx.status
  const ms = site.house.clock.ticksMs() - begun
  const { account, id: key } = actor.key
  site.house.events.answered(routeNamed(ctx.method, endpointOf(service)), status, ms)
  site.house.events.serviceAnswered({
    ...{ requestId: identityOf(ctx).requestId, service: service.name, method: ctx.method },
    ...{ account, key, status, outcome, totalMs: ms },
  })
}

const endpointOf = ({ name }: Service): string => `service:${name}`

type Passing = Readonly<{ service: Service; actor: Actor; signal: AbortSignal }>

function requestFor(site: Site, ctx: Context, { service, actor, signal }: Passing): ServiceRequest {
  const { path, query } = splitUrl(urlAsSent(ctx.req))
  if (!isPlainPath(path))
    throw invalidRequest(
      'Send the path without dot segments, double or encoded slashes, backslashes and semicolons.',
    )
  if (!service.methods.includes(ctx.method)) {
    const allowed = service.methods.join(', ')
    ctx.set('allow', allowed)
    throw new Failure('method_not_allowed', `${ctx.method} is not possible here. Use ${allowed}.`)
  }
  if (/websocket/i.test(ctx.req.headers.upgrade ?? ''))
    throw invalidRequest('There are no WebSockets here.')
  const { trustedProxies, bodyBytesMax } = site.settings()
  return {
    ...{ method: ctx.method, path: pathAtService(service, path) + query, signal },
    headers: headersToService(ctx.req, {
      ...{ requestId: identityOf(ctx).requestId, trustedProxies },
      actor: service.isAuthRequired ? actor : undefined,
    }),
    body: bodyInPieces(ctx.req, bodyBytesMax),
  }
}

type Outcome = 'finished' | 'cut' | 'left'
type Asked = Readonly<{ service: Service; request: ServiceRequest; actor: Actor }>

/** A refusal is thrown as long as it can be answered; from the head on there is no status left to say it by. */
async function pass(site: Site, ctx: Context, asked: Asked): Promise<Outcome> {
  const { service, request, actor } = asked
  const asker: Asker = {
    key: actor.key,
    address: service.isAuthRequired ? undefined : addressOf(site, ctx.req),
    reply: {
      announce: (lines) => {
        const list = namesAndValues(lines)
        for (let at = 0; at < list.length; at += 2) ctx.set(list[at] ?? '', list[at + 1] ?? '')
      },
    },
  }
  try {
    const answer = await site.serviceCalls.ask(service, request, asker)
    ctx.respond = false
    begin(site, ctx, answer)
    await relay(answer, ctx.res, request.signal)
    return 'finished'
  } catch (error) {
    const isLeft = request.signal.aborted || (error instanceof ServiceFault && isLeaving(error))
    if (ctx.respond !== false && !isLeft) throw closing(ctx, error)
    ctx.respond = false
    breakOff(ctx.res)
    if (!isLeft && !(error instanceof ServiceFault)) throw error
    return isLeft ? 'left' : 'cut'
  }
}

const isLeaving = ({ kind }: ServiceFault): boolean => kind === 'left'

/** The rest of a late body may still come. */
function closing(ctx: Context, error: unknown): unknown {
  const isLate = error instanceof Failure && error.code === 'request_timeout'
  if (isLate) ctx.set('connection', 'close')
  return error
}

function begin(site: Site, ctx: Context, { status, headers }: ServiceAnswer): void {
  ctx.status = status
  const own = new Set(ctx.res.getHeaderNames()) // how the limits stand, say
  for (const [name, value] of headersFromService(headers))
    if (!own.has(name)) ctx.append(name, value)
  const length = headers.findLastIndex((name, at) => at % 2 === 0 && /^content-length$/i.test(name))
  if (length !== -1 && status !== 204) ctx.set('content-length', headers[length + 1] ?? '')
  if (!ctx.res.hasHeader('cache-control')) ctx.set('cache-control', 'no-store')
  if (ctx.response.is('text/event-stream') !== false) ctx.set('x-accel-buffering', 'no')
  setCommonHeaders(site, ctx)
  ctx.res.flushHeaders()
}

/** At the caller's pace. */
async function relay({ body }: ServiceAnswer, res: ServerResponse, signal: AbortSignal) {
  for await (const piece of body) if (!res.write(piece)) await once(res, 'drain', { signal })
  res.end()
  if (!res.writableFinished) await once(res, 'finish', { signal })
}

/** Without its end no answer may look whole, nor where only the end of the connection would tell. */
function breakOff(res: ServerResponse): void {
  const isEndedByClose = !res.useChunkedEncodingByDefault && !res.hasHeader('content-length')
  if (isEndedByClose) res.socket?.resetAndDestroy()
  else res.destroy()
}

function splitUrl(url = '/'): { path: string; query: string } {
  const at = url.indexOf('?')
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at) }
}
