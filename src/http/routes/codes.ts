import type { Context } from 'koa'
import { z } from 'zod'
import { codeQuestion, codeQuestionOf, codeSent, newCodes } from '../../admin/code-request.ts'
import { badCursor } from '../../domain/usage-query.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { corrected, credits, listOf, time } from '../forms.ts'
import { readParameters } from '../read-usage-question.ts'
import { route } from '../route.ts'

const code = z.object({
  id: z.string(),
  series: z.string(),
  hint: z.string(),
  state: z.string(),
  amount: credits,
  note: z.string(),
  created_at: time,
  expires_at: time.nullable(),
  redeemed_at: time.nullable(),
  redeemed_by: z.string().nullable(),
})

export const codeRoutes = [
  route({
    method: 'POST',
    path: '/admin/codes',
    access: 'admin',
    summary: 'Makes redemption codes, which are shown this once',
    body: newCodes,
    answer: z.object({
      series: z.string(),
      amount: credits,
      expires_at: time.nullable(),
      data: z.array(z.object({ id: z.string(), code: z.string() })),
    }),
    status: 201,
    handle: ({ codes }, { body, actor }) => codes.create(body, actor),
  }),
  route({
    method: 'GET',
    path: '/admin/codes',
    access: 'support',
    summary: 'The codes that were made, without what they are redeemed by',
    query: codeQuestion,
    answer: listOf(code),
    canWait: true,
    handle({ codes }, { query: { cursor, ...query }, ctx }) {
      const after = cursor === undefined ? query.after : lastIn(cursor, ctx)
      const page = codes.list(codeQuestionOf({ ...query, after }))
      const next = page.has_more ? page.data.at(-1)?.id : undefined
      return { ...page, next_cursor: next === undefined ? null : writeCursor(next, textOf(ctx)) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/admin/codes/{code}',
    access: 'admin',
    summary: 'Withdraws a code that was not redeemed',
    params: z.object({ code: z.string() }),
    answer: code,
    handle: ({ codes }, { params, actor }) => codes.revoke(params['code'] ?? '', actor.by),
  }),
  route({
    method: 'POST',
    path: '/v1/redeem',
    access: 'user',
    summary: "Pays the credit of a code into the caller's account, once",
    body: codeSent,
    answer: corrected,
    status: 201,
    handle: ({ codes }, { body, actor }) => codes.redeem(body.code, actor),
  }),
]

const textOf = (ctx: Context): string => readParameters(ctx).text

function lastIn(cursor: string, ctx: Context): string {
  const id = readCursor(cursor, textOf(ctx))
  if (typeof id !== 'string') throw badCursor()
  return id
}
