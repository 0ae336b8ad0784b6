import { z } from 'zod'
import { switchForm } from '../../admin/provider-states.ts'
import { time } from '../forms.ts'
import { route } from '../route.ts'

const STATES = ['ready', 'probing', 'cooling', 'open', 'off', 'full'] as const

const deployment = z.object({
  id: z.string().meta({ example: 'openai/gpt-4o' }),
  key_number: z.int().meta({ description: 'Which of its provider’s keys, counted from 1' }),
  state: z.enum(STATES).meta({ description: 'Asked in the first three alone' }),
  reason: z.string().nullable().meta({ description: 'Why it is not asked' }),
  retry_in_ms: z.int().nullable().meta({ description: 'When it will be asked again' }),
  in_flight: z.int(),
  in_flight_max: z.int().nullable(),
  waiting: z.int(),
  last_probe: z
    .object({ at: time, ms: z.int(), result: z.string(), detail: z.string().nullable() })
    .nullable(),
  first_byte_ms: z.int().nullable().meta({ description: 'As it usually is' }),
})

export const provider = z.object({
  id: z.string().meta({ example: 'openai' }),
  usable: z.boolean().meta({ description: 'Whether any of its deployments can be asked' }),
  deployments: z.array(deployment),
})

export const providerRoutes = [
  route({
    method: 'GET',
    path: '/admin/providers',
    access: 'viewer',
    summary: 'Which providers, keys and deployments are asked now, and why the others are not',
    answer: z.object({ providers: z.array(provider) }),
    handle: ({ providers }) => ({ providers: providers.view() }),
  }),
  route({
    method: 'POST',
    path: '/admin/providers/{provider}',
    access: 'admin',
    summary: 'Takes a provider, one of its keys or one deployment out of use, or back into it',
    body: switchForm,
    answer: provider,
    handle: ({ providers }, { params, body, actor }) =>
      providers.switch(params['provider'] ?? '', { ...body, actor: actor.by }),
  }),
]
