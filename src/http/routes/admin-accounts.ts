import type { Context } from 'koa'
import { accountSettings, parseAccountChange } from '../../admin/set-account.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

/** PATCH /admin/accounts/{account}: what `tollgate accounts set` does, over HTTP. */
export function changeAccount({ accounts, sessions }: Site) {
  return async (ctx: Context & { params: Record<string, string> }): Promise<void> => {
    const { by } = await sessions.actor(credentialOf(ctx.req.headers))
    const change = parseAccountChange(ctx.request.body)
    ctx.set('cache-control', 'no-store')
    ctx.body = accountSettings(await accounts.set(ctx.params['account'] ?? '', change, by))
  }
}
