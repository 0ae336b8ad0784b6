import type { Context } from 'koa'
import { correctionView, type CorrectionCall } from '../../admin/correct-credit.ts'
import { parseCorrection, parseIdempotencyKey } from '../../admin/correction-request.ts'
import { isObject } from '../../domain/chat-request.ts'
import type { CorrectionKind } from '../../domain/correction.ts'
import { Failure, invalidRequest } from '../../domain/failure.ts'
import { credentialOf } from '../credential.ts'
import type { Site } from '../site.ts'

type Routed = Context & { params: Record<string, string> }

/** POST /admin/accounts/{account}/credits/{grant|deduct|adjust} */
export function accountCredits(site: Site) {
  return (ctx: Routed): Promise<void> => {
    const { account, change = '' } = ctx.params
    return answer(site, ctx, () => {
      const kind = CHANGES.get(change)
      if (kind === undefined) throw new Failure('not_found', 'Credit has: grant, deduct, adjust.')
      return { kind, body: bodyWith(ctx, { account }) }
    })
  }
}

const CHANGES = new Map<string, CorrectionKind>([
  ['grant', 'credit'],
  ['deduct', 'debit'],
  ['adjust', 'adjust'],
])

/** POST /admin/transfers */
export function transfers(site: Site) {
  return (ctx: Context): Promise<void> =>
    answer(site, ctx, () => ({ kind: 'transfer', body: bodyWith(ctx, {}) }))
}

/** POST /admin/requests/{id}/refund; an empty body refunds all that is left. */
export function refunds(site: Site) {
  return (ctx: Routed): Promise<void> =>
    answer(site, ctx, () => ({
      kind: 'refund',
      body: bodyWith(ctx, { request: ctx.params['id'] }),
    }))
}

type Asked = Readonly<{ kind: CorrectionKind; body: unknown }>

/** Nothing is read before it is clear who asks. A repeat gets the same answer, and a header that says so. */
async function answer(
  { sessions, correcting }: Site,
  ctx: Context,
  read: () => Asked,
): Promise<void> {
  const { by } = await sessions.actor(credentialOf(ctx.req.headers))
  const { kind, body } = read()
  const idempotencyKey = parseIdempotencyKey(ctx.req.headers['idempotency-key'])
  const call: CorrectionCall = { ...parseCorrection(kind, body), by, idempotencyKey }
  const { entry, isRepeat } = await correcting.correct(call)
  if (isRepeat) ctx.set('idempotency-replayed', 'true')
  ctx.set('cache-control', 'no-store')
  ctx.status = 201
  ctx.body = correctionView(entry)
}

/** What the address names is no field of the body: the two could differ. */
function bodyWith(ctx: Context, named: Readonly<Record<string, string | undefined>>): unknown {
  const body: unknown = ctx.request.body ?? {}
  if (!isObject(body)) return body
  for (const name of Object.keys(named)) {
    if (name in body) throw invalidRequest(`'${name}' stands in the address already.`, name)
  }
  return { ...body, ...named }
}
