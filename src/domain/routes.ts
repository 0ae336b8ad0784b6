import type { Deployment, Model } from './model.ts'
import { isModelName, isPattern, matchOf, prefixOf } from './model-name.ts'
import { routeOf, type RoutedModel } from './route.ts'

/** A name that callers can ask for, and the model that they get: of an alias, its target. */
export type NamedModel = Readonly<{ name: string; model: Model }>

/** Names that were asked of wildcards are made up by callers, so only so many of their routes are kept. */
const MADE_MAX = 1_000

/** Every model that can be asked for: by its name, by an alias, or by a wildcard. */
export class Routes {
  /** All names but those that only wildcards know. */
  readonly listed: readonly NamedModel[]
  readonly #models: ReadonlyMap<string, Model>
  /** The longest prefix first. */
  readonly #wildcards: readonly Model[]
  readonly #known = new Map<string, RoutedModel>()
  readonly #made = new Map<string, RoutedModel>()

  constructor(models: readonly Model[], aliases: ReadonlyMap<string, string>) {
    const exact = models.filter(({ id }) => !isPattern(id))
    this.#models = new Map(exact.map((model) => [model.id, model]))
    this.#wildcards = models
      .filter(({ id }) => isPattern(id))
      .toSorted((a, b) => b.id.length - a.id.length)
    for (const model of exact) this.#known.set(model.id, this.#routed(model))
    const named = [...aliases].flatMap(([name, target]) => {
      const model = this.#modelFor(target)
      return model === undefined ? [] : { name, model }
    })
    for (const { name, model } of named) this.#known.set(name, this.#aliasOf(model))
    this.listed = [...exact.map((model) => ({ name: model.id, model })), ...named]
  }

  /** A wildcard never stands in front of a name that is written out. */
  find(name: string): RoutedModel | undefined {
    return this.#known.get(name) ?? this.#made.get(name) ?? this.#make(name)
  }

  /** Those of the configuration, and those that wildcards have become. */
  *deployments(): Generator<Deployment> {
    for (const { deployments } of this.#models.values()) yield* deployments
    for (const { deployments } of this.#wildcards) yield* deployments
    for (const { model } of this.#made.values()) yield* model.deployments
  }

  /** Whether a key may be limited to it: to a name, or to all that begin with `gpt-*`. */
  offers(name: string): boolean {
    if (!isPattern(name)) return this.find(name) !== undefined
    const prefix = prefixOf(name)
    return (
      this.listed.some((one) => one.name.startsWith(prefix)) ||
      this.#wildcards.some(({ id }) => id.startsWith(prefix) || prefix.startsWith(prefixOf(id)))
    )
  }

  #make(name: string): RoutedModel | undefined {
    const model = this.#matched(name)
    if (model === undefined) return undefined
    const route = { ...this.#routed(model), isMadeUp: true }
    const [oldest] = this.#made.keys()
    if (this.#made.size >= MADE_MAX && oldest !== undefined) this.#made.delete(oldest)
    this.#made.set(name, route)
    return route
  }

  #modelFor = (name: string): Model | undefined => this.#models.get(name) ?? this.#matched(name)

  #matched(name: string): Model | undefined {
    if (!isModelName(name)) return undefined
    for (const wildcard of this.#wildcards) {
      const match = matchOf(wildcard.id, name)
      if (match !== undefined) return concrete(wildcard, name, match)
    }
    return undefined
  }

  #routed = (model: Model): RoutedModel => routeOf(model, this.#fallbacksOf(model))

  #fallbacksOf = ({ fallbacks }: Model): Model[] =>
    fallbacks.flatMap((name) => this.#modelFor(name) ?? [])

  /** An answer carries the name that was asked for, which no provider knows: it is written into every one. */
  #aliasOf = (model: Model): RoutedModel =>
    routeOf(repaired(model), this.#fallbacksOf(model).map(repaired))
}

/** The model that a wildcard stands for under this name. */
const concrete = (wildcard: Model, name: string, match: string): Model => ({
  ...wildcard,
  id: name,
  deployments: wildcard.deployments.map((deployment) => filledIn(deployment, match)),
})

/** A function as the replacement, because `$` in a text would mean something. */
const filledIn = (deployment: Deployment, match: string): Deployment => ({
  ...deployment,
  wildcard: deployment.id,
  id: deployment.id.replace('*', () => match),
  upstreamModel: deployment.upstreamModel.replace('*', () => match),
})

const repaired = (model: Model): Model => ({
  ...model,
  deployments: model.deployments.map((deployment) => ({ ...deployment, repair: true })),
})
