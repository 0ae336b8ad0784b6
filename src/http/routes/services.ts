import { z } from 'zod'
import { route } from '../route.ts'

const service = z.object({
  name: z.string().meta({ description: 'As in GET /health', example: 'openai' }),
  healthy: z.boolean().meta({ description: 'Of a provider: whether it can be asked at all' }),
  kind: z
    .enum(['gateway', 'provider'])
    .meta({ description: 'A part of the gateway itself, or who answers for models' }),
  protocol: z.string().nullable().meta({ description: 'That the provider speaks' }),
  path_prefix: z.string().nullable().meta({ description: 'Below which it is asked' }),
  auth_required: z.boolean().nullable(),
  timeout_ms: z.int().nullable().meta({ description: 'For a whole answer' }),
  health_check_ms: z
    .int()
    .nullable()
    .meta({ description: 'How often it is asked whether it is well' }),
})

export const serviceRoutes = [
  route({
    method: 'GET',
    path: '/services',
    access: 'known',
    canWait: true,
    summary: 'What stands behind this address: the parts of the gateway and its providers',
    description:
      'How each deployment and key of a provider is, operators see in GET /admin/providers.',
    answer: z.object({ services: z.array(service) }),
    handle: ({ services }) => ({ services: services() }),
  }),
]
