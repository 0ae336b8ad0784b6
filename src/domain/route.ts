import type { Deployment, Model } from './model.ts'

/** A deployment that could answer, and the model whose price would then be charged. */
export type Candidate = Readonly<{ deployment: Deployment; model: Model }>

/** A model with everything that could answer for it, in the order in which it is tried. */
export type RoutedModel = Readonly<{ model: Model; candidates: readonly Candidate[] }>

/** The model's own deployments first, then those of its fallbacks. */
export function routesOf(models: readonly Model[]): ReadonlyMap<string, RoutedModel> {
  const byId = new Map(models.map((model) => [model.id, model]))
  return new Map(
    models.map((model) => {
      const others = model.fallbacks.flatMap((id) => byId.get(id) ?? [])
      const candidates = [model, ...others].flatMap((one) =>
        one.deployments.map((deployment) => ({ deployment, model: one })),
      )
      return [model.id, { model, candidates }]
    }),
  )
}
