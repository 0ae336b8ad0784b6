import type { Context } from 'koa'
import { nextBefore, parseTrailQuery, trailView } from '../../admin/audit-trail.ts'
import { badCursor } from '../../domain/usage-query.ts'
import { credentialOf } from '../credential.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { readParameters } from '../read-usage-question.ts'
import type { Site } from '../site.ts'

/** GET /admin/audit: who did what to the books, newest first. */
export function adminAudit({ sessions, trail }: Site) {
  return async (ctx: Context): Promise<void> => {
    await sessions.actor(credentialOf(ctx.req.headers))
    const { parameters, text } = readParameters(ctx)
    const { cursor } = parameters
    const before = cursor === undefined ? undefined : seqIn(cursor, text)
    const page = await trail.trail(parseTrailQuery(parameters, before))
    const next = nextBefore(page)
    ctx.set('cache-control', 'no-store')
    const next_cursor = next === undefined ? null : writeCursor(next, text)
    ctx.body = { ...trailView(page), next_cursor }
  }
}

function seqIn(cursor: string, text: string): number {
  const seq = readCursor(cursor, text)
  if (typeof seq !== 'number') throw badCursor()
  return seq
}
