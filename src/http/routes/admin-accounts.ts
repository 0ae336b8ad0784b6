import { z } from 'zod'
import { accountChangeForm, accountQuery, newAccountForm } from '../../admin/accounts.ts'
import { paging } from '../../admin/page.ts'
import { credits, limitsSaid, listOf, time } from '../forms.ts'
import { nextCursor, pageQuery } from '../paging.ts'
import { accountLimits } from '../limits-form.ts'
import { route } from '../route.ts'

const account = z.object({
  account: z.string(),
  tier: z.string(),
  time_zone: z.string(),
  disabled: z.boolean(),
  note: z.string(),
  low_credit: credits,
  limits: limitsSaid.describe('Its own, in place of its tier’s'),
  credits: z.object({ balance: credits, held: credits }),
  created_at: time,
})

export const adminAccountRoutes = [
  route({
    method: 'GET',
    path: '/admin/accounts',
    access: 'viewer',
    summary: 'All accounts, in the order of their making',
    query: accountQuery.extend(paging),
    answer: listOf(account),
    handle({ accounts }, { query: { limit, cursor, ...query }, ctx }) {
      const page = pageQuery(ctx, { limit, cursor })
      return { object: 'list', ...nextCursor(ctx, accounts.list(query, page)) }
    },
  }),
  route({
    method: 'POST',
    path: '/admin/accounts',
    access: 'admin',
    summary: 'Opens an account, without credit',
    body: newAccountForm,
    answer: account,
    status: 201,
    handle: ({ accounts }, { body, actor }) => accounts.open(body, actor),
  }),
  route({
    method: 'GET',
    path: '/admin/accounts/{account}',
    access: 'viewer',
    summary: 'One account',
    answer: account,
    handle: ({ accounts }, { params }) => accounts.view(params['account'] ?? ''),
  }),
  route({
    method: 'GET',
    path: '/admin/accounts/{account}/limits',
    access: 'viewer',
    summary: 'How its limits stand: what was used, what is left, and when it is free again',
    answer: accountLimits,
    canWait: true,
    handle: ({ limitStanding }, { params }) => limitStanding.ofAccount(params['account'] ?? ''),
  }),
  route({
    method: 'PATCH',
    path: '/admin/accounts/{account}',
    access: 'admin',
    summary: 'Changes what is named of an account; its credit is changed by entries of its own',
    body: accountChangeForm,
    answer: account,
    handle: ({ accounts }, { params, body, actor }) =>
      accounts.change(params['account'] ?? '', body, actor),
  }),
]
