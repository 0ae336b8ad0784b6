import { z } from 'zod'
import { correctionView } from '../../admin/correct-credit.ts'
import {
  CORRECTION_FORMS,
  parseIdempotencyKey,
  transferWish,
  type CorrectionWish,
} from '../../admin/correction-request.ts'
import { accountName, requestId } from '../../admin/fields.ts'
import { corrected, left, made } from '../forms.ts'
import { route, type Call, type Route } from '../route.ts'
import type { Site } from '../site.ts'

const onAccount = (change: string, kind: 'credit' | 'debit' | 'adjust', summary: string): Route =>
  route({
    method: 'POST',
    path: `/admin/accounts/{account}/credits/${change}`,
    access: 'admin',
    summary,
    params: z.object({ account: accountName }),
    body: CORRECTION_FORMS[kind].omit({ account: true }),
    answer: corrected,
    status: 201,
    repeats: 'books',
    handle(site, call) {
      const { amount, reason } = call.body
      const account = call.params['account'] ?? ''
      return correct(site, call, { correction: { kind, account, amount }, reason })
    },
  })

export const creditRoutes = [
  onAccount('grant', 'credit', 'Pays credit in'),
  onAccount('deduct', 'debit', 'Takes credit out, of that which is free'),
  onAccount('adjust', 'adjust', 'Puts a balance right, either way, for a reason'),
  route({
    method: 'POST',
    path: '/admin/transfers',
    access: 'admin',
    summary: 'Moves credit between two accounts, in one entry',
    body: CORRECTION_FORMS.transfer,
    answer: z.object({ ...made, from: z.object(left), to: z.object(left) }),
    status: 201,
    repeats: 'books',
    handle: (site, call) => correct(site, call, transferWish(call.body)),
  }),
  route({
    method: 'POST',
    path: '/admin/requests/{request}/refund',
    access: 'admin',
    summary: 'Gives back what a request was charged, or a part of it',
    params: z.object({ request: requestId }),
    body: CORRECTION_FORMS.refund.omit({ request: true }),
    answer: corrected.extend({ request: z.string() }),
    status: 201,
    repeats: 'books',
    handle(site, call) {
      const { amount, reason } = call.body
      const request = call.params['request'] ?? ''
      const correction = { kind: 'refund', request, amount: amount ?? undefined } as const
      return correct(site, call, { correction, reason })
    },
  }),
]

/** A repeat gets the same answer, and a header that says so. */
async function correct({ correcting }: Site, { actor, ctx }: Call, wish: CorrectionWish) {
  const idempotencyKey = parseIdempotencyKey(ctx.req.headers['idempotency-key'])
  const { entry, isRepeat } = await correcting.correct({ ...wish, by: actor.by, idempotencyKey })
  if (isRepeat) ctx.set('idempotency-replayed', 'true')
  return correctionView(entry)
}
