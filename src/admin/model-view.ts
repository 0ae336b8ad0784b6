import { limitsView } from '../domain/limit.ts'
import { formatCredits, micro } from '../domain/money.ts'
import type { Price } from '../domain/price.ts'
import type { NamedModel } from '../domain/routes.ts'
import { BUCKETS } from '../domain/usage.ts'
import { BUCKET_NAMES } from './usage-view.ts'

/** A model as operators see it, with what it costs in credits. */
export const modelView = ({ name, model }: NamedModel) => ({
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
  limits: limitsView(model.limits),
})

const MILLION = 1_000_000n
const ofUnits = ({ rates, scale }: Price, bucket: (typeof BUCKETS)[number]): string =>
  formatCredits(micro((rates[bucket] * MILLION) / scale))

export type ModelJson = ReturnType<typeof modelView>
