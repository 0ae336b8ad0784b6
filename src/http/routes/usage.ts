import type { Context } from 'koa'
import { z } from 'zod'
import { readUsage } from '../../admin/read-usage.ts'
import { usageCsv, usageView } from '../../admin/usage-view.ts'
import { nextPosition, type UsagePage, type UsageQuery } from '../../domain/usage-query.ts'
import { ownUsage } from '../../gateway/own-usage.ts'
import { writeCursor } from '../cursor.ts'
import { credits, paging, time } from '../forms.ts'
import { readUsageQuestion, type UsageQuestion } from '../read-usage-question.ts'
import { route } from '../route.ts'

const filter = (what: string) => z.string().optional().meta({ description: what })

const question = {
  of: z.enum(['own', 'sub_accounts'], { error: 'must be own or sub_accounts.' }).optional().meta({
    description:
      '`sub_accounts`: what was paid for those right below, `sold` and `returned` to them, and the `profit`',
  }),
  sub_account: filter('Of this sub-account and those below it alone, where `of` is `sub_accounts`'),
  from: filter('The first day, such as 2027-01-31, or a time'),
  to: filter('The day or time before which it ends'),
  time_zone: filter('By whose days'),
  key: filter('Of this key alone'),
  model: filter('Of this model alone'),
  outcome: filter('Of this outcome alone'),
  format: filter('json or csv'),
  ...paging,
}

const sums = {
  requests: z.number(),
  estimated: z.number(),
  tokens: z.record(z.string(), z.number()),
  cost: credits,
  charged: credits,
  overrun: credits,
  refunded: credits.meta({ description: 'Given back in this time, for requests of whatever time' }),
  sold: credits.optional().meta({ description: 'What the sub-accounts paid' }),
  returned: credits.optional().meta({ description: 'What they were given back' }),
  profit: credits.optional().meta({ description: 'sold − returned − (charged − refunded)' }),
}

const answer = z.object({
  object: z.literal('usage'),
  time_zone: z.string(),
  from: time,
  to: time,
  group_by: z.array(z.string()),
  data: z.array(z.looseObject(sums)),
  total: z.object(sums),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
})

export const usageRoutes = [
  route({
    method: 'GET',
    path: '/v1/usage',
    access: 'user',
    canWait: true,
    summary: "What the caller's account used",
    query: z.looseObject({
      group_by: filter('Of day, hour, key or sub_account, model, outcome: several with commas'),
      ...question,
    }),
    answer,
    alsoAs: 'text/csv',
    async handle({ house, usage }, { actor, ctx }) {
      const asked = readUsageQuestion(ctx)
      const own = await ownUsage({ ...house, usage }, { ...asked, credential: actor.key })
      return answerOf(ctx, asked, own)
    },
  }),
  route({
    method: 'GET',
    path: '/admin/usage',
    access: 'viewer',
    summary: 'What all accounts used',
    query: z.looseObject({
      group_by: filter(
        'Of day, hour, account, key or sub_account, model, deployment, outcome: several with commas',
      ),
      account: filter('Of this account alone'),
      deployment: filter('Of this deployment alone'),
      ...question,
    }),
    answer,
    alsoAs: 'text/csv',
    async handle({ house, usage }, { ctx }) {
      const asked = readUsageQuestion(ctx)
      const all = await readUsage({ usage, nowMs: house.clock.nowMs }, asked)
      return answerOf(ctx, asked, all)
    },
  }),
]

type Answer = Readonly<{ query: UsageQuery; page: UsagePage }>

function answerOf(ctx: Context, { isCsv, text }: UsageQuestion, { query, page }: Answer) {
  const next = nextPosition(query, page)
  const cursor = next === undefined ? null : writeCursor(next, text)
  ctx.set('vary', 'accept')
  if (!isCsv) return { ...usageView(query, page), next_cursor: cursor }
  if (cursor !== null) ctx.set('x-tollgate-next-cursor', cursor)
  ctx.attachment('usage.csv')
  ctx.type = 'text/csv; charset=utf-8'
  ctx.body = usageCsv(query, page)
  return undefined
}
