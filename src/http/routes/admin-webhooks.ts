import { z } from 'zod'
import { newWebhook } from '../../admin/webhooks.ts'
import { noQuery, time } from '../forms.ts'
import { route } from '../route.ts'

const webhook = { id: z.string(), url: z.string(), events: z.array(z.string()), created_at: time }

export const webhookRoutes = [
  route({
    method: 'GET',
    path: '/admin/webhooks',
    access: 'viewer',
    summary: 'Who is told of alerts',
    query: noQuery,
    answer: z.object({ object: z.literal('list'), data: z.array(z.object(webhook)) }),
    handle: ({ webhooks }) => webhooks.list(),
  }),
  route({
    method: 'POST',
    path: '/admin/webhooks',
    access: 'admin',
    summary: 'Names a receiver of alerts, and shows the secret that they are signed with',
    body: newWebhook,
    answer: z.object({ ...webhook, secret: z.string() }),
    status: 201,
    handle: ({ webhooks }, { body, actor }) => webhooks.add(body, actor),
  }),
  route({
    method: 'DELETE',
    path: '/admin/webhooks/{webhook}',
    access: 'admin',
    summary: 'Tells it nothing any more',
    params: z.object({ webhook: z.string() }),
    answer: z.object(webhook),
    handle: ({ webhooks }, { params, actor }) => webhooks.remove(params['webhook'] ?? '', actor.by),
  }),
  route({
    method: 'POST',
    path: '/admin/webhooks/test',
    access: 'admin',
    summary: 'Sends a test to one of them, or to all',
    body: z.strictObject({ webhook: z.string('must be the id of a webhook.').optional() }),
    answer: z.object({ sent_to: z.array(z.string()) }),
    status: 202,
    handle: ({ webhooks }, { body, actor }) => webhooks.test(body.webhook, actor.by),
  }),
]
