import { z } from 'zod'
import { credentialOf } from '../credential.ts'
import { time } from '../forms.ts'
import { route } from '../route.ts'

export const sessionRoutes = [
  route({
    method: 'POST',
    path: '/auth/session',
    access: 'viewer',
    summary: 'A key of the staff for a signed session that ends by itself',
    answer: z.object({ token: z.string(), token_type: z.literal('Bearer'), expires_at: time }),
    async handle({ identities }, { ctx }) {
      const { token, expiresAt } = await identities.begin(credentialOf(ctx.req.headers))
      return { token, token_type: 'Bearer', expires_at: new Date(expiresAt).toISOString() }
    },
  }),
  route({
    method: 'GET',
    path: '/auth/validate',
    access: 'known',
    summary: 'Who a credential belongs to; a proxy can ask this before it lets a request in',
    answer: z.object({ user: z.string(), roles: z.array(z.string()) }),
    handle(_site, { actor, ctx }) {
      ctx.set({ 'x-user-id': actor.key.id, 'x-user-role': actor.role })
      return { user: actor.key.id, roles: [actor.role] }
    },
  }),
]
