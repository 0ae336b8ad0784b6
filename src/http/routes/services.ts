import { z } from 'zod'
import { route } from '../route.ts'

const service = z.object({
  name: z.string().meta({ description: 'As in GET /health', example: 'openai' }),
  healthy: z.boolean().meta({
    description:
      'Of a provider: whether it can be asked at all; of a service: whether some instance could be reached of late',
  }),
  kind: z.enum(['gateway', 'provider', 'service']).meta({
    description:
      'A part of the gateway itself, who answers for models, or what is asked below a prefix',
  }),
  protocol: z.string().nullable().meta({ description: 'That the provider speaks' }),
  path_prefix: z.string().nullable().meta({ description: 'Below which it is asked' }),
  auth_required: z.boolean().nullable(),
  timeout_ms: z
    .int()
    .nullable()
    .meta({ description: 'For a whole answer; of a service, until its head' }),
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
    summary: 'What stands behind this address: parts of the gateway, providers, and services',
    description:
      'Below the `path_prefix` of a `service` any path is passed on to it with its query and body, and what it answers is ' +
      'passed back; the operator configures which there are. A refusal of the gateway itself has the form `GatewayError`. ' +
      'How each deployment and key of a provider is, operators see in GET /admin/providers.',
    answer: z.object({ services: z.array(service) }),
    handle: ({ services }) => ({ services: services() }),
  }),
]
