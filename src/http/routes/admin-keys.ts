import { z } from 'zod'
import { issuedKeyView, keyForm } from '../../admin/issue-key-request.ts'
import { keyChangeForm, keyQuery, rotationForm } from '../../admin/keys.ts'
import { paging } from '../../admin/page.ts'
import { credits, limitsSaid, listOf, time } from '../forms.ts'
import { nextCursor, pageQuery } from '../paging.ts'
import { keyLimits } from '../limits-form.ts'
import { route } from '../route.ts'

const key = z.object({
  id: z.string(),
  hint: z.string().meta({ description: 'Its first and last characters', example: 'tg-aB…x9Zq' }),
  account: z.string(),
  role: z.string(),
  state: z.enum(['active', 'expired', 'revoked']),
  models: z.array(z.string()).nullable(),
  limits: limitsSaid.describe('Besides those of its account'),
  tags: z.array(z.string()),
  weak: z.boolean(),
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
})

export const keyRoutes = [
  route({
    method: 'GET',
    path: '/admin/keys',
    access: 'viewer',
    summary: 'All keys, in the order of their making; no secrets',
    query: keyQuery.extend(paging),
    answer: listOf(key),
    handle({ keys }, { query: { limit, cursor, ...query }, ctx }) {
      const page = pageQuery(ctx, { limit, cursor })
      return { object: 'list', ...nextCursor(ctx, keys.list(query, page)) }
    },
  }),
  route({
    method: 'POST',
    path: '/admin/keys',
    access: 'support',
    summary: 'Issues a key, whose secret is shown this once',
    description:
      'A user key belongs to an account, which is made if it is new. Support issues keys for accounts that are there, ' +
      'without credit; admins issue keys of support and viewers; owners all.',
    body: keyForm,
    answer: z.object({
      key: z.string(),
      keyId: z.string(),
      role: z.string(),
      account: z.string(),
      tier: z.string(),
      credits,
    }),
    status: 201,
    handle: async ({ issuing }, { body, actor }) => issuedKeyView(await issuing.issue(body, actor)),
  }),
  route({
    method: 'GET',
    path: '/admin/keys/{key}',
    access: 'viewer',
    summary: 'One key, without its secret',
    answer: key,
    handle: ({ keys }, { params }) => keys.view(params['key'] ?? ''),
  }),
  route({
    method: 'GET',
    path: '/admin/keys/{key}/limits',
    access: 'viewer',
    summary: 'How its limits stand, those of its account, and those of the accounts above',
    answer: keyLimits,
    canWait: true,
    handle: ({ limitStanding }, { params }) => limitStanding.ofKey(params['key'] ?? ''),
  }),
  route({
    method: 'PATCH',
    path: '/admin/keys/{key}',
    access: 'admin',
    summary: 'Changes what is named of a key, from this moment on',
    body: keyChangeForm,
    answer: key,
    handle: ({ keys }, { params, body, actor }) => keys.change(params['key'] ?? '', body, actor),
  }),
  route({
    method: 'POST',
    path: '/admin/keys/{key}/rotate',
    access: 'support',
    summary: 'Another secret under the same rules; the old one ends, at once or after a grace',
    body: rotationForm,
    answer: z.object({
      key: z.string(),
      keyId: z.string(),
      replaces: z.string(),
      account: z.string(),
      role: z.string(),
    }),
    status: 201,
    handle: ({ keys }, { params, body, actor }) =>
      keys.rotate(params['key'] ?? '', body.grace, actor),
  }),
  route({
    method: 'DELETE',
    path: '/admin/keys/{key}',
    access: 'support',
    summary: 'Revokes a key, at once and for good',
    answer: key,
    handle: ({ keys }, { params, actor }) => keys.revoke(params['key'] ?? '', actor),
  }),
]
