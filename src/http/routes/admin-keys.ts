import type { Context } from 'koa'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'
import { issuedKeyView, parseIssueKey } from '../../admin/issue-key-request.ts'

/** POST /admin/keys: what `token-gen` does, over HTTP. */
export function issueKeyRoute({ issuing, sessions }: Site) {
  return async (ctx: Context): Promise<void> => {
    const { by } = await sessions.actor(credentialOf(ctx.req.headers))
    const issued = await issuing.issue(parseIssueKey(ctx.request.body), by)
    ctx.set('cache-control', 'no-store')
    ctx.status = 201
    ctx.body = issuedKeyView(issued)
  }
}
