import type { Context } from 'koa'
import type { Site } from '../site.ts'

/** GET /health: 200 while the process can serve at all. */
export function health({ health: check, settings, house }: Site) {
  return (ctx: Context): void => {
    const { services, alarms } = check()
    ctx.set('cache-control', 'no-store')
    ctx.body = {
      status: Object.values(services).every(Boolean) ? 'healthy' : 'degraded',
      service: 'tollgate',
      version: settings().version,
      timestamp: new Date(house.clock.nowMs()).toISOString(),
      services,
      alarms,
    }
  }
}

/** GET /healthz: the process lives. */
export function liveness(ctx: Context): void {
  ctx.set('cache-control', 'no-store')
  ctx.body = { status: 'alive' }
}

/** GET /readyz: new requests are welcome. */
export function readiness({ health: check }: Site) {
  return (ctx: Context): void => {
    const { isReady } = check()
    ctx.set('cache-control', 'no-store')
    ctx.status = isReady ? 200 : 503
    ctx.body = { status: isReady ? 'ready' : 'not ready' }
  }
}
