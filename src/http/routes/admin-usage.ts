import type { Context } from 'koa'
import { readUsage } from '../../admin/read-usage.ts'
import { credentialOf } from '../credential.ts'
import { readUsageQuestion } from '../read-usage-question.ts'
import type { Site } from '../site.ts'
import { answerUsage } from './usage.ts'

/** GET /admin/usage: what all accounts used; by account and deployment, too. */
export function adminUsage({ house, sessions, usage }: Site) {
  return async (ctx: Context): Promise<void> => {
    await sessions.actor(credentialOf(ctx.req.headers))
    const question = readUsageQuestion(ctx)
    answerUsage(ctx, question, await readUsage({ usage, nowMs: house.clock.nowMs }, question))
  }
}
