import { z } from 'zod'
import { correctionView, type CorrectionCall } from '../../admin/correct-credit.ts'
import { parseCorrection, parseIdempotencyKey } from '../../admin/correction-request.ts'
import { isObject } from '../../domain/chat-request.ts'
import type { CorrectionKind } from '../../domain/correction.ts'
import { invalidRequest } from '../../domain/failure.ts'
import { anyObject, credits, time } from '../forms.ts'
import { route, type Call, type Route } from '../route.ts'
import type { Site } from '../site.ts'

const made = {
  id: z.string(),
  kind: z.string(),
  amount: credits,
  reason: z.string(),
  by: z.string(),
  at: time,
}
const left = { account: z.string(), balance: credits, held: credits }

const onAccount = (change: string, kind: CorrectionKind, summary: string): Route =>
  route({
    method: 'POST',
    path: `/admin/accounts/{account}/credits/${change}`,
    access: 'admin',
    summary,
    body: anyObject('`amount` of credits and `reason`'),
    answer: z.object({ ...made, ...left }),
    status: 201,
    handle: (site, call) =>
      correct(site, call, { kind, named: { account: call.params['account'] ?? '' } }),
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
    body: anyObject('`from`, `to`, `amount` and `reason`'),
    answer: z.object({ ...made, from: z.object(left), to: z.object(left) }),
    status: 201,
    handle: (site, call) => correct(site, call, { kind: 'transfer', named: {} }),
  }),
  route({
    method: 'POST',
    path: '/admin/requests/{id}/refund',
    access: 'admin',
    summary: 'Gives back what a request was charged, or a part of it',
    body: anyObject('`amount` (all that is left, without one) and `reason`'),
    answer: z.object({ ...made, ...left, request: z.string() }),
    status: 201,
    handle: (site, call) =>
      correct(site, call, { kind: 'refund', named: { request: call.params['id'] ?? '' } }),
  }),
]

type Asked = Readonly<{ kind: CorrectionKind; named: Readonly<Record<string, string>> }>

/** A repeat gets the same answer, and a header that says so. */
async function correct({ correcting }: Site, call: Call, { kind, named }: Asked) {
  const { actor, body, ctx } = call
  const idempotencyKey = parseIdempotencyKey(ctx.req.headers['idempotency-key'])
  const wish = parseCorrection(kind, bodyWith(body, named))
  const { entry, isRepeat } = await correcting.correct({
    ...{ ...wish, by: actor.by, idempotencyKey },
  } satisfies CorrectionCall)
  if (isRepeat) ctx.set('idempotency-replayed', 'true')
  return correctionView(entry)
}

/** What the address names is no field of the body: the two could differ. */
function bodyWith(body: unknown, named: Readonly<Record<string, string>>): unknown {
  if (!isObject(body)) return body
  for (const name of Object.keys(named)) {
    if (name in body) throw invalidRequest(`'${name}' stands in the address already.`, name)
  }
  return { ...body, ...named }
}
