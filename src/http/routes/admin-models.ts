import { z } from 'zod'
import { modelView } from '../../admin/model-view.ts'
import { credits, limitsSaid, noQuery } from '../forms.ts'
import { modelLimits } from '../limits-form.ts'
import { route } from '../route.ts'

const problems = z.array(z.string()).meta({ description: 'With the file, the line and what to do' })

export const adminModelRoutes = [
  route({
    method: 'GET',
    path: '/admin/models',
    access: 'viewer',
    summary: 'The models that can be asked for, and what they cost in credits',
    query: noQuery,
    answer: z.object({
      object: z.literal('list'),
      data: z.array(
        z.object({
          id: z.string(),
          answered_by: z.string(),
          price: z.string().meta({ description: 'Its version: receipts name it' }),
          credits_per_million_tokens: z.record(z.string(), credits),
          credits_per_request: credits,
          max_output_tokens: z.int(),
          deployments: z.array(z.string()),
          fallbacks: z.array(z.string()),
          limits: limitsSaid.describe('Of all its callers together'),
        }),
      ),
    }),
    handle: ({ house }) => ({ object: 'list', data: house.catalog.models().map(modelView) }),
  }),
  route({
    method: 'GET',
    path: '/admin/models/{model*}/limits',
    access: 'viewer',
    summary: 'How its limits stand, which are those of all its callers together',
    answer: modelLimits,
    handle: ({ limitStanding }, { params }) => limitStanding.ofModel(params['model'] ?? ''),
  }),
  route({
    method: 'POST',
    path: '/admin/config/check',
    access: 'admin',
    summary: 'Reads the configuration as it stands in the file, and says what is wrong with it',
    answer: z.object({ ok: z.boolean(), problems }),
    handle: ({ configuration }) => configurationView(configuration.check()),
  }),
  route({
    method: 'POST',
    path: '/admin/config/reload',
    access: 'admin',
    summary: 'The same, and puts it in force where nothing is wrong; else all stays as it is',
    answer: z.object({ ok: z.boolean(), problems }),
    async handle({ configuration, house }, { actor }) {
      const found = await configuration.reload(actor.by)
      house.events.notice('an operator reloaded the configuration', {
        ...{ by: actor.by, isInForce: found.length === 0 },
      })
      return configurationView(found)
    },
  }),
]

const configurationView = (found: readonly string[]) => ({
  ok: found.length === 0,
  problems: found,
})
