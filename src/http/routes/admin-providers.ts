import type { Context } from 'koa'
import { parseSwitch } from '../../admin/provider-states.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** GET /admin/providers: which providers, keys and deployments are asked now, and why the others are not. */
export function listProviders({ providers, sessions }: Site) {
  return async (ctx: Context): Promise<void> => {
    await sessions.actor(credentialOf(ctx.req.headers))
    ctx.set('cache-control', 'no-store')
    ctx.body = { providers: providers.view() }
  }
}

/** POST /admin/providers/{provider}: takes it, one of its keys or one deployment out of use, or back into it. */
export function switchProvider({ providers, sessions }: Site) {
  return async (ctx: Context & { params: Record<string, string> }): Promise<void> => {
    const { keyId } = await sessions.actor(credentialOf(ctx.req.headers))
    const wanted = parseSwitch(ctx.request.body)
    ctx.set('cache-control', 'no-store')
    ctx.body = providers.switch(ctx.params['provider'] ?? '', { ...wanted, actor: keyId })
  }
}
