import type { Context } from 'koa'
import { usageCsv, usageView } from '../../admin/usage-view.ts'
import { nextPosition, type UsagePage, type UsageQuery } from '../../domain/usage-query.ts'
import { ownUsage } from '../../gateway/own-usage.ts'
import { credentialOf } from '../credential.ts'
import { writeCursor } from '../cursor.ts'
import { readUsageQuestion, type UsageQuestion } from '../read-usage-question.ts'
import type { Site } from '../site.ts'

/** GET /v1/usage: what the caller's account used, by day, hour, key, model or outcome. */
export function usage({ house, usage: book }: Site) {
  return async (ctx: Context): Promise<void> => {
    const question = readUsageQuestion(ctx)
    const credential = credentialOf(ctx.req.headers)
    answerUsage(
      ctx,
      question,
      await ownUsage({ ...house, usage: book }, { ...question, credential }),
    )
  }
}

type Answer = Readonly<{ query: UsageQuery; page: UsagePage }>

export function answerUsage(ctx: Context, { isCsv, text }: UsageQuestion, answer: Answer): void {
  const { query, page } = answer
  const next = nextPosition(query, page)
  const cursor = next === undefined ? null : writeCursor(next, text)
  ctx.set({ 'cache-control': 'no-store', vary: 'accept' })
  if (!isCsv) {
    ctx.body = { ...usageView(query, page), next_cursor: cursor }
    return
  }
  if (cursor !== null) ctx.set('x-tollgate-next-cursor', cursor)
  ctx.attachment('usage.csv')
  ctx.type = 'text/csv; charset=utf-8'
  ctx.body = usageCsv(query, page)
}
