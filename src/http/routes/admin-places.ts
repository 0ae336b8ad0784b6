import { z } from 'zod'
import { accountName } from '../../admin/fields.ts'
import { paging } from '../../admin/page.ts'
import { placeQuery } from '../../admin/places.ts'
import { accountPlace, newPlace } from '../../admin/sub-account-request.ts'
import { placeView } from '../../admin/sub-accounts.ts'
import { credits, listOf, time } from '../forms.ts'
import { nextCursor, pageQuery } from '../paging.ts'
import { route } from '../route.ts'

const place = z.object({
  account: z.string(),
  parent: z.string().nullable().meta({ description: 'Whose sub-account it is' }),
  tier: z.string(),
  markup: z.string().meta({ description: 'On top of its parent’s price', example: '0.2' }),
  cap: credits.nullable(),
  used: credits.meta({ description: 'Counted against its cap; only of sub-accounts' }),
  sub_accounts_max: z.number(),
  disabled: z.boolean(),
  credits: z.object({ balance: credits, held: credits }),
  created_at: time,
})

export const placeRoutes = [
  route({
    method: 'GET',
    path: '/admin/places',
    access: 'viewer',
    summary: 'Resellers and their sub-accounts: whose each is, at which markup, under which cap',
    query: placeQuery.extend(paging),
    answer: listOf(place),
    canWait: true,
    handle({ places }, { query: { limit, cursor, ...query }, ctx }) {
      const page = pageQuery(ctx, { limit, cursor })
      return { object: 'list', ...nextCursor(ctx, places.list(query, page)) }
    },
  }),
  route({
    method: 'POST',
    path: '/admin/places',
    access: 'admin',
    summary: 'Opens a sub-account of any account, at a markup on its price',
    body: newPlace,
    answer: place,
    status: 201,
    handle: async ({ places }, { body, actor }) => placeView(await places.open(body, actor.by)),
  }),
  route({
    method: 'PATCH',
    path: '/admin/accounts/{account}/place',
    params: z.object({ account: accountName }),
    access: 'admin',
    summary: 'Makes an account the sub-account of another, or a reseller, or neither',
    description:
      'An account is moved only without credit, and while none of its requests are in flight.',
    body: accountPlace,
    answer: place,
    handle: async ({ places }, { params, body, actor }) =>
      placeView(await places.place(params['account'] ?? '', body, actor.by)),
  }),
]
