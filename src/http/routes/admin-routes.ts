import { z } from 'zod'
import { explainRoute } from '../../gateway/explain-route.ts'
import { anyObject } from '../forms.ts'
import { route } from '../route.ts'

export const explainedRoutes = [
  route({
    method: 'GET',
    path: '/admin/routes/{model*}',
    access: 'viewer',
    summary: 'Who would be asked for a model now, and why',
    query: z.strictObject({
      key: z.string().optional().meta({ description: 'The id of a key, to ask on its behalf' }),
    }),
    answer: anyObject('The deployments in their order'),
    handle: ({ house }, { params, query: { key } }) =>
      explainRoute(house, { model: params['model'] ?? '', ...(key !== undefined && { key }) }),
  }),
]
