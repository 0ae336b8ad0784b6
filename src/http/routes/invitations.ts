import { z } from 'zod'
import { invitationForm, invitationQuery, invitationSent } from '../../admin/invitations.ts'
import { paging } from '../../admin/page.ts'
import { corrected, listOf } from '../forms.ts'
import { nextCursor, pageQuery } from '../paging.ts'
import { route } from '../route.ts'

export const invitationRoutes = [
  route({
    method: 'POST',
    path: '/v1/invitation',
    access: 'user',
    summary: "Says who invited the caller's account: both get a bonus, once",
    body: invitationSent,
    answer: corrected,
    status: 201,
    handle: ({ invitations }, { body, actor }) => invitations.accept(body.inviter, actor),
  }),
  route({
    method: 'GET',
    path: '/admin/invitations',
    access: 'viewer',
    summary: 'Who invited whom, in the order of their accepting',
    query: invitationQuery.extend(paging),
    answer: listOf(z.object({ account: z.string(), inviter: z.string() })),
    canWait: true,
    handle({ invitations }, { query: { limit, cursor, ...query }, ctx }) {
      const page = pageQuery(ctx, { limit, cursor })
      return { object: 'list', ...nextCursor(ctx, invitations.list(query, page)) }
    },
  }),
  route({
    method: 'POST',
    path: '/admin/invitations',
    access: 'admin',
    summary: 'Says in the name of an account who invited it: both get the bonus, once',
    body: invitationForm,
    answer: corrected,
    status: 201,
    handle: ({ invitations }, { body, actor }) => invitations.enter(body, actor.by),
  }),
]
