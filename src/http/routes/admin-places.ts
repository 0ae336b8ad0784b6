import { z } from 'zod'
import { accountName } from '../../admin/fields.ts'
import { accountPlace } from '../../admin/sub-account-request.ts'
import { placeView } from '../../admin/sub-accounts.ts'
import { credits } from '../forms.ts'
import { route } from '../route.ts'

export const placeRoutes = [
  route({
    method: 'PATCH',
    path: '/admin/accounts/{account}/place',
    params: z.object({ account: accountName }),
    access: 'admin',
    summary: 'Makes an account the sub-account of another, or a reseller, or neither',
    description:
      'An account is moved only without credit, and while none of its requests are in flight.',
    body: accountPlace,
    answer: z.object({
      account: z.string(),
      parent: z.string().nullable(),
      markup: z.string(),
      cap: credits.nullable(),
      sub_accounts_max: z.number(),
    }),
    handle: async ({ places }, { params, body, actor }) =>
      placeView(await places.place(params['account'] ?? '', body, actor.by)),
  }),
]
