import { z } from 'zod'
import { explainRoute } from '../../gateway/explain-route.ts'
import { credits } from '../forms.ts'
import { route } from '../route.ts'

const candidate = {
  deployment: z.string(),
  provider: z.string(),
  key_index: z.int(),
  model: z.string(),
  priority: z.int(),
  state: z.string().meta({ example: 'ready' }),
  state_reason: z.string().nullable(),
  asked_again_in_ms: z.int().nullable(),
  weight: z.number().meta({ example: 1 }),
  in_flight: z.int(),
  first_token_ms: z.int().nullable(),
  credits: credits.describe('For 1000 tokens in and 500 out'),
  reason: z.string().meta({ example: 'the only one of its priority' }),
}

export const explainedRoutes = [
  route({
    method: 'GET',
    path: '/admin/routes/{model*}',
    access: 'viewer',
    summary: 'Who would be asked for a model now, and why',
    query: z.strictObject({
      key: z.string().optional().meta({ description: 'The id of a key, to ask on its behalf' }),
    }),
    answer: z.object({
      model: z.string(),
      answered_by: z.string(),
      strategy: z.string().meta({ example: 'priority' }),
      affinity: z.boolean(),
      attempts_max: z.int().meta({ example: 3 }),
      key: z.object({ id: z.string(), account: z.string(), may_use: z.boolean() }).nullable(),
      order: z.array(z.object({ place: z.int().meta({ example: 1 }), ...candidate })),
      left_out: z.array(z.object(candidate)),
    }),
    handle: ({ house }, { params, query: { key } }) =>
      explainRoute(house, { model: params['model'] ?? '', ...(key !== undefined && { key }) }),
  }),
]
