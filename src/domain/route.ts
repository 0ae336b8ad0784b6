import type { Deployment, Model } from './model.ts'
import type { Price } from './price.ts'

/** A deployment that could answer, and the model whose price would then be charged. */
export type Candidate = Readonly<{ deployment: Deployment; model: Model }>

/** A model with everything that could answer for it, in the order in which it is tried. */
export type RoutedModel = Readonly<{
  model: Model
  candidates: readonly Candidate[]
  /** Every price at which an answer could be charged: what a hold must cover. */
  bounds: readonly PriceBound[]
}>

type PriceBound = Readonly<{ price: Price; maxOutput: number; imageTokensMax: number }>

/** The model's own deployments first, then those of its fallbacks. */
export function routesOf(models: readonly Model[]): ReadonlyMap<string, RoutedModel> {
  const byId = new Map(models.map((model) => [model.id, model]))
  return new Map(
    models.map((model) => {
      const others = model.fallbacks.flatMap((id) => byId.get(id) ?? [])
      const candidates = [model, ...others].flatMap((one) =>
        one.deployments.map((deployment) => ({ deployment, model: one })),
      )
      return [model.id, { model, candidates, bounds: boundsOf(candidates) }]
    }),
  )
}

/** The provider decides the service tier, so each tier's price counts. Most candidates share one price. */
function boundsOf(candidates: readonly Candidate[]): readonly PriceBound[] {
  const bounds: PriceBound[] = []
  for (const { model, deployment } of candidates) {
    const { maxOutput, imageTokensMax } = model
    for (const price of [deployment.price, ...Object.values(model.serviceTiers)]) {
      const isKnown = bounds.some(
        (one) =>
          one.price === price &&
          one.maxOutput === maxOutput &&
          one.imageTokensMax === imageTokensMax,
      )
      if (!isKnown) bounds.push({ price, maxOutput, imageTokensMax })
    }
  }
  return bounds
}
