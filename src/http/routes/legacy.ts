import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { AccountJson } from '../../admin/accounts.ts'
import { accountName, amountAboveZero } from '../../admin/fields.ts'
import type { CorrectionWish } from '../../admin/correction-request.ts'
import { ZERO } from '../../domain/money.ts'
import { route, type Call } from '../route.ts'
import type { Site } from '../site.ts'

// What bots of the predecessor ask for: thin names for use cases that the admin API has, under the master key, which they
// send in the query. It stands in no log: of an address only the path is told. New clients use /admin.

const master = { masterToken: z.string().optional().meta({ description: 'The master key' }) }
const userId = { userId: accountName.meta({ description: 'The name of the account' }) }
const token = z.object({ id: z.string(), user_id: z.string(), tokens_gpt: z.number() })

const referral = z.object({
  id: z.string(),
  parent: z.string().nullable(),
  children: z.array(z.string()),
})

const COMMON = { access: 'owner', credentialIn: 'masterToken' } as const
const OLD = 'For bots of the predecessor.'

export const legacyRoutes = [
  route({
    ...{ method: 'GET', path: '/token', ...COMMON, description: OLD },
    summary: 'The credit of an account, and the hint of its last key',
    query: z.strictObject({ ...master, ...userId }),
    answer: token,
    handle: (site, { query }) => tokenOf(site, query.userId),
  }),
  route({
    ...{ method: 'POST', path: '/token', ...COMMON, description: OLD },
    summary: 'Issues a key of an account; those before it are revoked',
    query: z.strictObject({ ...master, ...userId }),
    answer: token,
    async handle(site, { query, actor }) {
      const { data: before } = site.keys.list({ account: query.userId, state: 'active' }, ALL)
      const made = await site.issuing.issue(
        { role: 'user', account: query.userId, credits: ZERO },
        actor,
      )
      for (const { id } of before) await site.keys.revoke(id, actor)
      return { ...tokenOf(site, query.userId), id: made.secret }
    },
  }),
  route({
    ...{ method: 'PUT', path: '/token', ...COMMON, description: OLD },
    summary: 'Adds credit to an account, or takes it away',
    query: z.strictObject({
      ...{ ...master, ...userId, amount: amountAboveZero },
      operation: z.enum(['add', 'subtract'], { error: 'must be add or subtract.' }),
    }),
    answer: token,
    async handle(site, call) {
      const { userId: account, amount, operation } = call.query
      const kind = operation === 'add' ? 'credit' : 'debit'
      await correct(site, call, { correction: { kind, account, amount }, reason: 'legacy' })
      return tokenOf(site, account)
    },
  }),
  route({
    ...{ method: 'GET', path: '/token/has', ...COMMON, description: OLD },
    summary: 'Whether there is an account',
    query: z.strictObject({ ...master, ...userId }),
    answer: z.object({ status: z.boolean() }),
    handle: ({ house }, { query }) => ({
      status: house.ledger.account(query.userId) !== undefined,
    }),
  }),
  route({
    ...{ method: 'GET', path: '/tokens', ...COMMON, description: OLD },
    summary: 'All accounts and their credit',
    query: z.strictObject(master),
    answer: z.object({ tokens: z.array(token) }),
    handle({ accounts, keys }) {
      // Of all accounts at once: a look at all keys for each of them would be their product.
      const active = keys.list({ state: 'active' }, ALL).data
      const hints = new Map(active.map(({ account, hint }) => [account, hint]))
      const all = accounts.list({}, ALL).data
      return { tokens: all.map((one) => tokenView(one, hints.get(one.account))) }
    },
  }),
  route({
    ...{ method: 'POST', path: '/transfer/{from}/{to}', ...COMMON, description: OLD },
    summary: 'Moves credit between two accounts',
    params: z.object({ from: accountName, to: accountName }),
    query: z.strictObject({ ...master, amount: amountAboveZero }),
    answer: z.object({ from: token, to: token }),
    async handle(site, call) {
      const { from = '', to = '' } = call.params
      const correction = { kind: 'transfer', from, to, amount: call.query.amount } as const
      await correct(site, call, { correction, reason: 'legacy' })
      return { from: tokenOf(site, from), to: tokenOf(site, to) }
    },
  }),
  route({
    ...{ method: 'GET', path: '/referral', ...COMMON, description: OLD },
    summary: 'Who invited an account, and whom it invited',
    query: z.strictObject({ ...master, ...userId }),
    answer: referral,
    handle: (site, { query }) => referralOf(site, query.userId),
  }),
  route({
    ...{ method: 'POST', path: '/referral', ...COMMON, description: OLD },
    summary: 'Says who invited an account, its `referralId`: both get the bonus, once',
    query: z.strictObject({
      ...{ ...master, ...userId },
      referralId: accountName.meta({ description: 'The name of the account that invited it' }),
    }),
    answer: referral,
    async handle(site, { query: { userId: account, referralId: inviter }, actor }) {
      await site.invitations.enter({ account, inviter }, actor.by)
      return referralOf(site, account)
    },
  }),
]

const ALL = { from: 0, limit: Infinity }

function tokenOf({ accounts, keys }: Site, account: string) {
  const hint = keys.list({ account, state: 'active' }, ALL).data.at(-1)?.hint
  return tokenView(accounts.view(account), hint)
}

const tokenView = ({ account, credits }: AccountJson, hint = '') => ({
  ...{ id: hint, user_id: account, tokens_gpt: Number(credits.balance) },
})

function referralOf({ accounts, invitations }: Site, account: string) {
  const { account: id } = accounts.view(account)
  const { data } = invitations.list({ inviter: id }, ALL)
  return {
    ...{ id, parent: invitations.inviterOf(id) ?? null },
    children: data.map((one) => one.account),
  }
}

/** The predecessor knew no idempotency keys: each call is one of its own, unless it brings one. */
async function correct(
  { correcting }: Site,
  { actor, ctx }: Pick<Call, 'actor' | 'ctx'>,
  wish: CorrectionWish,
): Promise<void> {
  const given = ctx.req.headers['idempotency-key']
  const idempotencyKey = typeof given === 'string' ? given : randomUUID()
  await correcting.correct({ ...wish, by: actor.by, idempotencyKey })
}
