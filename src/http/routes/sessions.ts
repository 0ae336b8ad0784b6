import type { Context } from 'koa'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** POST /auth/session: an admin key for a signed session that expires by itself. */
export function beginSession({ sessions }: Site) {
  return async (ctx: Context): Promise<void> => {
    const { token, expiresAt } = await sessions.begin(credentialOf(ctx.req.headers))
    ctx.set('cache-control', 'no-store')
    ctx.body = { token, token_type: 'Bearer', expires_at: new Date(expiresAt).toISOString() }
  }
}

/** GET /auth/validate: who a session or an admin key belongs to. */
export function validateSession({ sessions }: Site) {
  return async (ctx: Context): Promise<void> => {
    const actor = await sessions.actor(credentialOf(ctx.req.headers))
    ctx.set({ 'cache-control': 'no-store', 'x-user-id': actor.keyId, 'x-user-role': 'admin' })
    ctx.body = { user: actor.keyId, roles: ['admin'] }
  }
}
