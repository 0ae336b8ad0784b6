import { seedOf } from './affinity.ts'
import { mayUse, type KeyRecord } from './key.ts'
import type { Deployment, Model } from './model.ts'
import type { Price } from './price.ts'

/** A deployment that could answer, and the model whose price would then be charged. */
export type Candidate = Readonly<{
  deployment: Deployment
  model: Model
  /** What the deployment brings to each pairing with a conversation. */
  seed: number
}>

/** A model's own deployments, or those of one of its fallbacks. */
export type Stage = Readonly<{
  model: Model
  /** By priority: each group is asked when none before it can be. */
  groups: readonly (readonly Candidate[])[]
  picks: Picks
}>

/** A model with everything that could answer for it. */
export type RoutedModel = Readonly<{
  model: Model
  /** The model's own first, then each of its fallbacks. */
  stages: readonly Stage[]
  /** Every price at which an answer could be charged: what a hold must cover. */
  bounds: readonly PriceBound[]
  /** Its name is the caller's own, which a wildcard passes on: perhaps no provider knows it. */
  isMadeUp: boolean
}>

type PriceBound = Readonly<{ price: Price; maxOutput: number; imageTokensMax: number }>

/** Counts the picks of a stage: round-robin goes by it. */
class Picks {
  #count = 0

  /** The turn that the next pick would have. */
  get next(): number {
    return this.#count
  }

  take(): number {
    const turn = this.#count
    this.#count = (turn + 1) % Number.MAX_SAFE_INTEGER
    return turn
  }
}

/** The model's own deployments first, then those of its fallbacks. */
export function routeOf(model: Model, fallbacks: readonly Model[]): RoutedModel {
  const stages = [model, ...fallbacks].map(stageOf)
  return { model, stages, bounds: boundsOf(stages), isMadeUp: false }
}

/** Without the fallbacks that a key may not ask for: it is not answered by them, nor charged for them, either. */
export function routeFor(key: KeyRecord, route: RoutedModel): RoutedModel {
  if (key.models === undefined || route.stages.length === 1) return route
  const stages = route.stages.filter(({ model }, at) => at === 0 || mayUse(key, model.id, model.id))
  return stages.length === route.stages.length
    ? route
    : { ...route, stages, bounds: boundsOf(stages) }
}

function stageOf(model: Model): Stage {
  const groups: Candidate[][] = []
  let priority: number | undefined
  for (const deployment of model.deployments) {
    const candidate = { deployment, model, seed: seedOf(deployment.id) }
    if (deployment.priority === priority) groups.at(-1)?.push(candidate)
    else groups.push([candidate])
    priority = deployment.priority
  }
  return { model, groups, picks: new Picks() }
}

/** The provider decides the service tier, so each tier's price counts. Most candidates share one price. */
function boundsOf(stages: readonly Stage[]): readonly PriceBound[] {
  const bounds: PriceBound[] = []
  const candidates = stages.flatMap(({ groups }) => groups.flat())
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
