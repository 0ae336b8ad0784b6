import { z } from 'zod'
import { issuedKeyView, parseIssueKey } from '../../admin/issue-key-request.ts'
import { anyObject, credits } from '../forms.ts'
import { route } from '../route.ts'

export const keyRoutes = [
  route({
    method: 'POST',
    path: '/admin/keys',
    access: 'support',
    summary: 'Issues a key, whose secret is shown this once',
    body: anyObject('`type`, `role`, `account`, `credits`, `tier`, `models`, `expires`'),
    answer: z.object({
      key: z.string(),
      keyId: z.string(),
      role: z.string(),
      account: z.string(),
      tier: z.string(),
      credits,
    }),
    status: 201,
    handle: async ({ issuing }, { body, actor }) =>
      issuedKeyView(await issuing.issue(parseIssueKey(body), actor)),
  }),
]
