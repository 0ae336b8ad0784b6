import { priceFrom } from '../domain/price.ts'
import { BUCKETS, type Bucket } from '../domain/usage.ts'
import { priceListOf } from './build-models.ts'
import type { DeploymentEntry, Gateway, ModelEntry, PriceEntry } from './schema.ts'

/** What somebody else's list says of a model at a provider, in dollars per million tokens. */
export type KnownPrice = Readonly<{
  rates: Readonly<Partial<Record<Bucket, number>>>
  contextTokens: number | undefined
  /** Prompts of more tokens than this cost more. */
  dearerAbove: number | undefined
}>

export type KnownPrices = (baseUrl: string, model: string) => KnownPrice | undefined

type Difference = Readonly<{ what: string; ours: number | undefined; theirs: number }>

export type PriceComparison = Readonly<{
  model: string
  deployment: string
  /** `unknown`: the other list does not have it. */
  verdict: 'same' | 'different' | 'unknown'
  differences: readonly Difference[]
}>

/** Every deployment of the file, whether it is on or off. */
export function comparePrices(gateway: Gateway, known: KnownPrices): readonly PriceComparison[] {
  const addresses = new Map(gateway.providers.map(({ id, base_url }) => [id, base_url]))
  return gateway.models.flatMap((model) =>
    model.deployments.map((deployment) => {
      const address = addresses.get(deployment.provider)
      const price = address === undefined ? undefined : known(address, deployment.model)
      return compare(model, deployment, price)
    }),
  )
}

function compare(
  model: ModelEntry,
  deployment: DeploymentEntry,
  known: KnownPrice | undefined,
): PriceComparison {
  const name = { model: model.id, deployment: `${deployment.provider}/${deployment.model}` }
  if (known === undefined) return { ...name, verdict: 'unknown', differences: [] }
  const differences = [
    ...rateDifferences(deployment.price ?? model.price, known),
    ...contextDifferences(model.context_tokens, known),
  ]
  return { ...name, verdict: differences.length === 0 ? 'same' : 'different', differences }
}

/** Prices carry nine places, and the other list is made of floats. */
const TOLERANCE = 1e-8

function rateDifferences(entry: PriceEntry, { rates }: KnownPrice): readonly Difference[] {
  const price = priceFrom(priceListOf(entry), { creditsPerUsd: '1', markup: '0' }, '')
  return BUCKETS.flatMap((bucket) => {
    const ours = Number(price.rates[bucket]) / Number(price.scale)
    const theirs = rates[bucket]
    if (theirs === undefined || Math.abs(ours - theirs) < TOLERANCE) return []
    return [{ what: bucket, ours, theirs }]
  })
}

/** The context may be smaller than theirs, not larger; and it has to end where one price no longer holds. */
function contextDifferences(
  ours: number | undefined,
  { contextTokens, dearerAbove }: KnownPrice,
): readonly Difference[] {
  const theirs = Math.min(contextTokens ?? Infinity, dearerAbove ?? Infinity)
  const isUnbounded = ours === undefined && dearerAbove !== undefined
  return isUnbounded || (ours !== undefined && ours > theirs)
    ? [{ what: 'contextTokens', ours, theirs }]
    : []
}
