import type { Model, Tier } from '../../domain/model.ts'
import { isPattern, matchOf } from '../../domain/model-name.ts'
import { OTHER } from './series.ts'

/** As much of the configuration as labels are made of. */
export type Offer = Readonly<{
  models: readonly Model[]
  tiers: ReadonlyMap<string, Tier>
  accounting: Readonly<{ creditsPerUsd: string }>
}>

/** A deployment as labels name it. */
export type DeploymentNames = Readonly<{ provider: string; deployment: string; upstream: string }>

const UNKNOWN: DeploymentNames = { provider: OTHER, deployment: OTHER, upstream: OTHER }

/** Only what an operator has written down becomes a label: a caller's own words are `other`, or the wildcard they met. */
export class Names {
  readonly #models: ReadonlySet<string>
  readonly #wildcards: readonly string[]
  readonly #deployments: ReadonlyMap<string, DeploymentNames>

  constructor({ models }: Offer) {
    const ids = models.map(({ id }) => id)
    this.#models = new Set(ids)
    this.#wildcards = ids.filter(isPattern)
    const all = models.flatMap(({ deployments }) => deployments)
    this.#deployments = new Map(
      all.map(({ id, provider, upstreamModel }) => [
        id,
        { provider, deployment: id, upstream: upstreamModel },
      ]),
    )
  }

  model(name: string): string {
    if (this.#models.has(name)) return name
    return this.#wildcards.find((pattern) => matchOf(pattern, name) !== undefined) ?? OTHER
  }

  deployment(id: string): DeploymentNames {
    return this.#deployments.get(id) ?? this.#filledIn(id)
  }

  /** A wildcard's deployment has what was asked for in the place of its `*`. */
  #filledIn(id: string): DeploymentNames {
    for (const [pattern, names] of this.#deployments) {
      const [before = '', after] = pattern.split('*')
      if (after !== undefined && id.startsWith(before) && id.endsWith(after)) return names
    }
    return UNKNOWN
  }
}
