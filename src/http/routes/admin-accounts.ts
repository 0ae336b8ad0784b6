import { z } from 'zod'
import { accountSettings, parseAccountChange } from '../../admin/set-account.ts'
import { anyObject } from '../forms.ts'
import { route } from '../route.ts'

export const adminAccountRoutes = [
  route({
    method: 'PATCH',
    path: '/admin/accounts/{account}',
    access: 'admin',
    summary: 'Changes an account, other than its credit',
    body: anyObject('`time_zone`: by whose days its usage is shown'),
    answer: z.object({ account: z.string(), tier: z.string(), time_zone: z.string() }),
    async handle({ accounts }, { params, body, actor }) {
      const change = parseAccountChange(body)
      return accountSettings(await accounts.set(params['account'] ?? '', change, actor.by))
    },
  }),
]
