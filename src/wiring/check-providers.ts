import type { Config, ProviderSettings, Secrets } from '../config/config.ts'
import { isPattern } from '../domain/model-name.ts'
import { listModels, type Listing, type ListingFault } from '../providers/openai/list-models.ts'
import { systemClock } from './clock.ts'

/** What one key of one provider is good for. Holds no secret. */
export type ProviderCheck =
  | Readonly<{ provider: string; key: null; outcome: 'built_in' }>
  | (Asked & Readonly<{ outcome: 'ok'; models: number; unlisted: readonly string[] }>)
  | (Asked & Failed)

type Asked = Readonly<{
  provider: string
  /** Counted from 1; null for a provider that needs none. */
  key: number | null
  ms: number
}>

type Failed = Readonly<{
  outcome: 'failed'
  reason: ListingFault
  status: number | null
  message: string
  fix: string
  detail: string
}>

type CheckRequest = Readonly<{ config: Config; secrets: Secrets; timeoutMs: number }>

/** Asks every provider that is on for its models, with each of its keys. Providers are asked at once, keys in turn. */
export async function checkProviders(request: CheckRequest): Promise<readonly ProviderCheck[]> {
  const { providers } = request.config
  const checks = await Promise.all(providers.map((settings) => checkProvider(settings, request)))
  return checks.flat()
}

async function checkProvider(
  settings: ProviderSettings,
  request: CheckRequest,
): Promise<readonly ProviderCheck[]> {
  const { id, protocol } = settings
  if (protocol === 'demo') return [{ provider: id, key: null, outcome: 'built_in' }]
  const keys = request.secrets.providerKeys.get(id) ?? []
  const checks: ProviderCheck[] = []
  for (const [keyIndex, apiKey] of keys.length === 0 ? [[0, undefined] as const] : keys.entries()) {
    checks.push(await checkKey(settings, { keyIndex, apiKey }, request))
  }
  return checks
}

type Key = Readonly<{ keyIndex: number; apiKey: string | undefined }>

async function checkKey(
  { id, baseUrl, headers }: ProviderSettings,
  { keyIndex, apiKey }: Key,
  { config, timeoutMs }: CheckRequest,
): Promise<ProviderCheck> {
  const startedAt = systemClock.ticksMs()
  const listing = await listModels({ baseUrl, apiKey, headers, timeoutMs })
  const ms = Math.round(systemClock.ticksMs() - startedAt)
  const asked = { provider: id, key: apiKey === undefined ? null : keyIndex + 1, ms }
  if (listing.kind === 'failed') return { ...asked, ...failureOf(listing) }
  const { models } = listing
  const wanted = upstreamModels(config, { provider: id, keyIndex })
  const unlisted = wanted.filter((model) => !isListed(model, models))
  return { ...asked, outcome: 'ok', models: models.length, unlisted }
}

function upstreamModels(
  { models }: Config,
  { provider, keyIndex }: Readonly<{ provider: string; keyIndex: number }>,
): readonly string[] {
  const deployments = models
    .filter(({ id }) => !isPattern(id)) // what a wildcard stands for is not known
    .flatMap((model) => model.deployments)
    .filter((one) => one.provider === provider && one.keyIndex === keyIndex)
  return [...new Set(deployments.map(({ upstreamModel }) => upstreamModel))]
}

/** Google lists its models with a folder before the name, and Ollama with a tag behind it; both take the bare name. */
const isListed = (model: string, listed: readonly string[]): boolean =>
  [model, `models/${model}`, `${model}:latest`].some((name) => listed.includes(name))

function failureOf({ reason, status, detail }: Extract<Listing, { kind: 'failed' }>): Failed {
  const { message, fix } = ADVICE[reason]
  return { outcome: 'failed', reason, status: status ?? null, message, fix, detail }
}

const ADVICE = {
  bad_key: {
    message: 'refuses this key',
    fix: 'copy the key again from the account at the provider, or make a new one',
  },
  no_money: {
    message: 'wants money',
    fix: 'add credit to the account at the provider, or check its billing',
  },
  no_rights: {
    message: 'knows this key and does not let it list models',
    fix: "give the key the right to read models; some providers answer so to a country's addresses",
  },
  rate_limited: {
    message: 'has had too many requests of this key',
    fix: 'wait a minute and ask again',
  },
  misrouted: {
    message: 'has no list of models at this address',
    fix: 'check base_url, which mostly ends with /v1; a few providers have no list at all',
  },
  refused: {
    message: 'refuses the request',
    fix: 'read its words; some providers answer so to a wrong key',
  },
  server: {
    message: 'is in trouble itself',
    fix: "ask again later, and see the provider's status page",
  },
  dns: {
    message: 'has a host name that nobody knows',
    fix: 'check the spelling of base_url, and the DNS of this machine',
  },
  tls: {
    message: 'does not come to a safe connection',
    fix: 'check http or https in base_url; for a company CA set NODE_EXTRA_CA_CERTS',
  },
  unreachable: {
    message: 'is not reachable',
    fix: 'check host and port of base_url, the firewall, and that the server runs',
  },
  timeout: {
    message: 'did not answer in time',
    fix: 'check the network, or allow more with --timeout',
  },
  no_list: {
    message: 'answers with something else than a list of models',
    fix: 'check base_url: a web page or a proxy may be there instead of the API',
  },
} as const satisfies Record<ListingFault, Readonly<{ message: string; fix: string }>>
