import { z } from 'zod'
import { parseSwitch } from '../../admin/provider-states.ts'
import { anyObject } from '../forms.ts'
import { route } from '../route.ts'

const provider = z.object({
  id: z.string(),
  usable: z.boolean(),
  deployments: z.array(
    z.looseObject({ id: z.string(), key_number: z.number(), state: z.string() }),
  ),
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
    body: anyObject('`state`, `on` or `off`; with a `key_number` or a `deployment` that alone'),
    answer: provider,
    handle: ({ providers }, { params, body, actor }) =>
      providers.switch(params['provider'] ?? '', { ...parseSwitch(body), actor: actor.by }),
  }),
]
