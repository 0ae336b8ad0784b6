import type { Deployment, Model, Timeouts } from '../domain/model.ts'
import { limitsFrom } from '../domain/limit.ts'
import { isServedBy } from '../domain/model-name.ts'
import { priceFrom, type Accounting, type Price, type PriceList } from '../domain/price.ts'
import { spreads } from '../domain/strategy.ts'
import type { Notice } from './config.ts'
import { keyPrint } from './key-print.ts'
import { priceVersion } from './price-version.ts'
import type { DeploymentEntry, Gateway, ModelEntry, PriceEntry, TimeoutsEntry } from './schema.ts'
import type { SelectedProvider, Selection } from './select-providers.ts'

type Context = Readonly<{
  accounting: Gateway['accounting']
  /** Those that are on, by id. */
  providers: ReadonlyMap<string, SelectedProvider>
}>

type BuiltModels = Readonly<{
  models: readonly Model[]
  aliases: ReadonlyMap<string, string>
  notices: readonly Notice[]
}>

/** The models that something can serve; the others are off, and named. */
export function buildModels(
  { models, aliases, providers, accounting }: Gateway,
  { on }: Selection,
): BuiltModels {
  const context = { accounting, providers: new Map(on.map((one) => [one.entry.id, one])) }
  const built = models.map((entry) => buildModel(entry, context))
  const served = built.filter(({ deployments }) => deployments.length > 0)
  const ids = new Set(served.map(({ id }) => id))
  const isOn = (id: string): boolean => isServedBy([...ids], id)
  const real = new Set(providers.flatMap(({ id, protocol }) => (protocol === 'demo' ? [] : id)))
  const isReal = ({ provider }: DeploymentEntry): boolean => real.has(provider)
  // The demo has a notice of its own.
  const off = models.filter(({ id, deployments }) => !ids.has(id) && deployments.some(isReal))
  return {
    models: served.map((model) => ({ ...model, fallbacks: model.fallbacks.filter(isOn) })),
    aliases: new Map(Object.entries(aliases).filter(([, target]) => isOn(target))),
    notices: [
      ...off.map(offNotice),
      ...models.flatMap(idleStrategyNotice),
      ...served.flatMap(loneNotice),
    ],
  }
}

/** A strategy picks among deployments of one priority: where each has its own, it is only written down. */
function idleStrategyNotice({ id, strategy, deployments }: ModelEntry): readonly Notice[] {
  const priorities = new Set(deployments.map(({ priority }) => priority))
  const isIdle = deployments.length > 1 && priorities.size === deployments.length
  if (strategy === 'priority' || !isIdle) return []
  const message = `has strategy: ${strategy}, but each of its deployments a priority of its own, which goes first`
  return [{ kind: 'warning', subject: `model ${id}`, message }]
}

/** What needs a second deployment has none. */
function loneNotice({ id, deployments, continuesCutStreams, hedge }: Model): readonly Notice[] {
  if (deployments.length > 1) return []
  const wants = [
    ...(continuesCutStreams === true ? ['continue_cut_streams'] : []),
    ...(hedge === undefined ? [] : ['hedge']),
  ]
  return wants.map((name) => {
    const message = `has ${name}, but no second deployment to ask`
    return { kind: 'warning', subject: `model ${id}`, message }
  })
}

function offNotice({ id, deployments }: ModelEntry): Notice {
  const names = [...new Set(deployments.map(({ provider }) => provider))].join(', ')
  return {
    kind: 'model_off',
    subject: id,
    message: `is off: none of its providers is on (${names})`,
  }
}

function buildModel(entry: ModelEntry, context: Context): Model {
  const { accounting } = context
  const maxOutput = entry.max_output ?? entry.context_tokens ?? accounting.default_max_output
  const price = buildPrice(entry.price, accounting)
  const deployments = buildDeployments(entry, price, context)
  const hasKeys = deployments.some(({ keyIndex }) => keyIndex > 0)
  return {
    id: entry.id,
    ownedBy: entry.owned_by,
    price,
    maxOutput,
    defaultMaxOutput: Math.min(
      maxOutput,
      entry.default_max_output ?? accounting.default_max_output,
    ),
    contextTokens: entry.context_tokens,
    imageTokensMax: entry.image_tokens_max,
    serviceTiers: buildServiceTiers(entry, accounting),
    strategy: entry.strategy,
    ...(entry.hedge && { hedge: buildHedge(entry.hedge) }),
    ...(entry.continue_cut_streams && { continuesCutStreams: true }),
    affinity: entry.affinity ?? (hasKeys && !spreads(entry.strategy)),
    deployments,
    fallbacks: entry.fallbacks,
    limits: limitsFrom(entry.limits),
  }
}

const buildHedge = ({
  after_ms,
  max_extra,
}: NonNullable<ModelEntry['hedge']>): NonNullable<Model['hedge']> => ({
  after: after_ms ?? 'p95',
  maxExtra: Number(max_extra),
})

/** Without a prototype: its names come from callers, and `constructor` is no service tier. */
function buildServiceTiers(
  { service_tiers }: ModelEntry,
  accounting: Gateway['accounting'],
): Readonly<Record<string, Price>> {
  const tiers = Object.create(null) as Record<string, Price>
  for (const [name, entry] of Object.entries(service_tiers)) {
    tiers[name] = buildPrice(entry, accounting)
  }
  return tiers
}

/** By priority, then as listed; the keys of a provider stay together. */
function buildDeployments(
  { deployments, timeouts: shared }: ModelEntry,
  price: Price,
  context: Context,
): readonly Deployment[] {
  return deployments
    .toSorted((a, b) => a.priority - b.priority)
    .flatMap((entry) => {
      const provider = context.providers.get(entry.provider)
      if (provider === undefined) return []
      const own = entry.price === undefined ? price : buildPrice(entry.price, context.accounting)
      const timeouts = buildTimeouts(entry.timeouts, shared, provider.entry.timeouts)
      const keys = provider.keys.length === 0 ? [undefined] : provider.keys
      return keys.map((key, keyIndex) => {
        const print = key === undefined ? {} : { keyPrint: keyPrint(key) }
        return buildDeployment(entry, provider, { keyIndex, ...print, price: own, timeouts })
      })
    })
}

function buildDeployment(
  entry: DeploymentEntry,
  { entry: provider }: SelectedProvider,
  own: Pick<Deployment, 'keyIndex' | 'keyPrint' | 'price' | 'timeouts'>,
): Deployment {
  const suffix = own.keyIndex === 0 ? '' : `#${own.keyIndex + 1}`
  return {
    ...own,
    id: `${provider.id}/${entry.model}${suffix}`,
    provider: provider.id,
    address: provider.base_url === undefined ? undefined : new URL(provider.base_url).host,
    upstreamModel: entry.model,
    priority: entry.priority,
    weight: entry.weight,
    concurrencyMax: provider.concurrency_max ?? Infinity,
    repair: entry.repair ?? provider.repair,
    continueAs: entry.continue_as ?? provider.continue_as ?? 'instruction',
    capField: provider.cap_field,
    stripFields: provider.strip_fields,
  }
}

/** The first that says something; else the defaults of DESIGN.md. */
export function buildTimeouts(...entries: readonly TimeoutsEntry[]): Timeouts {
  const first = (name: keyof TimeoutsEntry) =>
    entries.find((one) => one[name] !== undefined)?.[name]
  const total = first('total_ms')
  return {
    connectMs: first('connect_ms') ?? 5_000,
    firstByteMs: first('first_byte_ms') ?? 60_000,
    idleMs: first('idle_ms') ?? 60_000,
    totalMs: total ?? 600_000,
    // The SDKs wait for ten minutes: another deployment must have its turn within them.
    wholeMs: total ?? 300_000,
  }
}

function buildPrice(entry: PriceEntry, accounting: Gateway['accounting']): Price {
  const list = priceListOf(entry)
  const terms: Accounting = { creditsPerUsd: accounting.credits_per_usd, markup: accounting.markup }
  return priceFrom(list, terms, priceVersion(list, terms))
}

/** The file's words for the buckets → the domain's. */
export function priceListOf(entry: PriceEntry): PriceList {
  if ('isFree' in entry) return {}
  const rates = {
    input: entry.input,
    cachedInput: entry.cached_input,
    cacheWrite: entry.cache_write,
    output: entry.output,
    image: entry.image,
    audioInput: entry.audio_input,
    audioOutput: entry.audio_output,
    request: entry.request,
  }
  const known = Object.entries(rates).filter(([, rate]) => rate !== undefined)
  return Object.fromEntries(known)
}
