import { z } from 'zod'
import { BUCKET_NAMES } from '../../admin/usage-view.ts'
import type { Price } from '../../domain/price.ts'
import { formatCredits, micro } from '../../domain/money.ts'
import type { NamedModel } from '../../domain/routes.ts'
import { BUCKETS } from '../../domain/usage.ts'
import { credits } from '../forms.ts'
import { route } from '../route.ts'

const problems = z.array(z.string()).meta({ description: 'With the file, the line and what to do' })

export const adminModelRoutes = [
  route({
    method: 'GET',
    path: '/admin/models',
    access: 'viewer',
    summary: 'The models that can be asked for, and what they cost in credits',
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
        }),
      ),
    }),
    handle: ({ house }) => ({ object: 'list', data: house.catalog.models().map(modelView) }),
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
    handle({ configuration, house }, { actor }) {
      const found = configuration.reload()
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

const modelView = ({ name, model }: NamedModel) => ({
  id: name,
  answered_by: model.id,
  price: model.price.version,
  credits_per_million_tokens: Object.fromEntries(
    BUCKETS.map((bucket) => [BUCKET_NAMES[bucket], ofUnits(model.price, bucket)]),
  ),
  credits_per_request: formatCredits(micro(model.price.request / model.price.scale)),
  max_output_tokens: model.maxOutput,
  deployments: model.deployments.map(({ id }) => id),
  fallbacks: model.fallbacks,
})

const MILLION = 1_000_000n
const ofUnits = ({ rates, scale }: Price, bucket: (typeof BUCKETS)[number]): string =>
  formatCredits(micro((rates[bucket] * MILLION) / scale))
