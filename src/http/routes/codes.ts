import { z } from 'zod'
import { codeQuestion, codeQuestionOf, codeSent, newCodes } from '../../admin/code-request.ts'
import { corrected, credits, time } from '../forms.ts'
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
    answer: z.object({ object: z.literal('list'), data: z.array(code), has_more: z.boolean() }),
    canWait: true,
    handle: ({ codes }, { query }) => codes.list(codeQuestionOf(query)),
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
