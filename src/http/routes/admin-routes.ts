import type { Context } from 'koa'
import { explainRoute } from '../../gateway/explain-route.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** GET /admin/routes/{model}?key=KEYID, where a model may contain slashes: who would be asked for it now, and why. */
export function explainedRoute({ house, sessions }: Site) {
  return async (ctx: Context & { params: Record<string, string> }): Promise<void> => {
    await sessions.actor(credentialOf(ctx.req.headers))
    const { key } = ctx.query
    const model = ctx.params['model'] ?? ''
    ctx.set('cache-control', 'no-store')
    ctx.body = explainRoute(house, { model, ...(typeof key === 'string' && { key }) })
  }
}
