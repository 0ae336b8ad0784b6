import { z } from 'zod'
import { correctionView } from '../../admin/correct-credit.ts'
import { CORRECTION_FORMS, parseIdempotencyKey } from '../../admin/correction-request.ts'
import { accountName, moment } from '../../admin/fields.ts'
import { pageOf, paging } from '../../admin/page.ts'
import { newSubAccount, subAccountChange } from '../../admin/sub-account-request.ts'
import { subAccountView } from '../../admin/sub-accounts.ts'
import type { KeyRecord } from '../../domain/key.ts'
import { corrected, credits, listOf, noQuery, time } from '../forms.ts'
import { nextCursor, pageQuery } from '../paging.ts'
import { route, type Call, type Route } from '../route.ts'
import type { Site } from '../site.ts'

const subAccount = z.object({
  account: z.string(),
  tier: z.string(),
  markup: z.string(),
  cap: credits.nullable(),
  used: credits,
  sub_accounts_max: z.number(),
  disabled: z.boolean(),
  credits: z.object({ balance: credits, held: credits }),
  created_at: time,
})

const key = z.object({
  id: z.string(),
  hint: z.string(),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  models: z.array(z.string()).nullable(),
})

const ACCESS = 'user'
const params = z.object({ account: accountName })
const keyParams = z.object({ account: accountName, id: z.string() })
const named = ({ params }: Pick<Call, 'params'>): string => params['account'] ?? ''

const funding = (change: 'grant' | 'deduct', kind: 'credit' | 'debit', summary: string): Route =>
  route({
    method: 'POST',
    path: `/v1/subaccounts/{account}/credits/${change}`,
    access: ACCESS,
    summary,
    params,
    body: CORRECTION_FORMS[kind].omit({ account: true }),
    answer: corrected,
    status: 201,
    repeats: 'books',
    async handle({ subAccounts }: Site, call) {
      const { body, ctx, actor } = call
      const account = named(call)
      const { amount, reason } = body
      const idempotencyKey = parseIdempotencyKey(ctx.req.headers['idempotency-key'])
      const funding = { correction: { kind, account, amount }, reason, idempotencyKey }
      const { entry, isRepeat } = await subAccounts.fund(actor, account, funding)
      if (isRepeat) ctx.set('idempotency-replayed', 'true')
      return correctionView(entry)
    },
  })

export const subAccountRoutes = [
  route({
    method: 'GET',
    path: '/v1/subaccounts',
    access: ACCESS,
    summary: "The accounts right below the caller's",
    query: z.strictObject(paging),
    answer: listOf(subAccount),
    canWait: true,
    handle({ subAccounts }, { actor, query: { limit, cursor }, ctx }) {
      const page = pageQuery(ctx, { limit, cursor })
      const all = subAccounts.list(actor).slice(page.from)
      return { object: 'list', ...nextCursor(ctx, pageOf(all, page, subAccountView)) }
    },
  }),
  route({
    method: 'POST',
    path: '/v1/subaccounts',
    access: ACCESS,
    summary: "Makes an account below the caller's, at a markup on its price",
    body: newSubAccount,
    answer: subAccount,
    status: 201,
    handle: async ({ subAccounts }, { actor, body }) =>
      subAccountView(await subAccounts.create(actor, body)),
  }),
  route({
    method: 'GET',
    path: '/v1/subaccounts/{account}',
    params,
    access: ACCESS,
    summary: 'One of them',
    answer: subAccount,
    handle: ({ subAccounts }, call) => subAccountView(subAccounts.get(call.actor, named(call))),
  }),
  route({
    method: 'PATCH',
    path: '/v1/subaccounts/{account}',
    params,
    access: ACCESS,
    summary:
      'Changes its markup, its cap or what it may have below it; disables it, and all below it',
    description:
      'A cap of the operator is the highest, and stays where the caller lifts its own; what the operator has disabled stays so.',
    body: subAccountChange,
    answer: subAccount,
    handle: async ({ subAccounts }, call) =>
      subAccountView(await subAccounts.change(call.actor, named(call), call.body)),
  }),
  funding('grant', 'credit', 'Gives it credit: what it buys with it costs the caller, too'),
  funding('deduct', 'debit', 'Takes credit back, of that which is free'),
  route({
    method: 'GET',
    path: '/v1/subaccounts/{account}/keys',
    params,
    access: ACCESS,
    summary: 'Its keys, without their secrets',
    query: noQuery,
    answer: z.object({ object: z.literal('list'), data: z.array(key) }),
    canWait: true,
    handle: ({ subAccounts }, call) => ({
      object: 'list',
      data: subAccounts.keys(call.actor, named(call)).map(keyView),
    }),
  }),
  route({
    method: 'POST',
    path: '/v1/subaccounts/{account}/keys',
    params,
    access: ACCESS,
    summary: 'Issues a key of it, whose secret is shown this once',
    body: z.strictObject({
      expires: moment.optional(),
      models: z.array(z.string('must be names of models.')).min(1, 'must not be empty.').optional(),
    }),
    answer: z.object({ key: z.string(), id: z.string(), hint: z.string(), account: z.string() }),
    status: 201,
    async handle({ subAccounts }, call) {
      const { expires, models } = call.body
      const { secret, ...made } = await subAccounts.issueKey(call.actor, named(call), {
        ...(expires !== undefined && { expiresAt: expires }),
        ...(models !== undefined && { models }),
      })
      return { key: secret, ...made }
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/subaccounts/{account}/keys/{id}',
    params: keyParams,
    access: ACCESS,
    summary: 'Revokes a key of it',
    answer: z.object({ id: z.string(), revoked: z.literal(true) }),
    async handle({ subAccounts }, call) {
      const id = call.params['id'] ?? ''
      await subAccounts.revokeKey(call.actor, named(call), id)
      return { id, revoked: true }
    },
  }),
]

const timeOf = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())

const keyView = ({ id, hint, createdAt, expiresAt, revokedAt, models }: KeyRecord) => ({
  ...{ id, hint, created_at: timeOf(createdAt), expires_at: timeOf(expiresAt) },
  ...{ revoked_at: timeOf(revokedAt), models: models ?? null },
})
