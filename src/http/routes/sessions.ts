import { z } from 'zod'
import { isToken, staffAlone, type Begun } from '../../admin/identify.ts'
import { loginForm } from '../../admin/login.ts'
import { invalidRequest } from '../../domain/failure.ts'
import { credentialOf } from '../credential.ts'
import { time } from '../forms.ts'
import { route } from '../route.ts'
import { addressOf } from '../strangers.ts'

const begun = z.object({
  token: z.string(),
  token_type: z.literal('Bearer'),
  expires_at: time,
  user: z.string(),
  roles: z.array(z.string()),
})

const begunView = ({ token, expiresAt, actor }: Begun) => ({
  ...{ token, token_type: 'Bearer', expires_at: new Date(expiresAt).toISOString() },
  ...{ user: actor.key.hint, roles: [actor.role] },
})

export const sessionRoutes = [
  route({
    method: 'POST',
    path: '/auth/login',
    access: 'public',
    summary: 'A name and a password for a session',
    body: loginForm,
    answer: begun,
    handle: async (site, { body, ctx }) =>
      begunView(await site.login(body, addressOf(site, ctx.req))),
  }),
  route({
    method: 'POST',
    path: '/auth/session',
    access: 'viewer',
    summary: 'A key of the staff for a session, which ends by itself',
    answer: begun,
    async handle({ identities }, { actor, ctx }) {
      if (isToken(credentialOf(ctx.req.headers)))
        throw invalidRequest('A session does not begin another. Use the key, or sign in.')
      return begunView(await identities.begin(staffAlone(actor)))
    },
  }),
  route({
    method: 'POST',
    path: '/auth/logout',
    access: 'known',
    summary: 'Ends the session: its token is void from this moment on',
    answer: z.object({ signed_out: z.literal(true) }),
    async handle({ identities }, { ctx }) {
      await identities.signOut(credentialOf(ctx.req.headers))
      return { signed_out: true }
    },
  }),
  route({
    method: 'GET',
    path: '/auth/validate',
    access: 'known',
    summary: 'Who a credential belongs to; a proxy can ask this before it lets a request in',
    description:
      'The headers X-User-ID and X-User-Role say it, too, for what stands behind the proxy.',
    answer: z.object({ user: z.string(), roles: z.array(z.string()) }),
    handle(_site, { actor, ctx }) {
      ctx.set({ 'x-user-id': actor.key.id, 'x-user-role': actor.role })
      return { user: actor.key.id, roles: [actor.role] }
    },
  }),
]
