import { buildModels, buildTimeouts } from './build-models.ts'
import type {
  Config,
  Environment,
  Files,
  LoadedConfig,
  Notice,
  Problem,
  ProviderSettings,
} from './config.ts'
import { limitsFrom } from '../domain/limit.ts'
import { buildCors, buildIssuers, buildSecurityHeaders } from './identity-fields.ts'
import { inOrder, readGateway, readSource } from './load-gateway.ts'
import type { Report } from './problem.ts'
import type { Gateway } from './schema.ts'
import { selectProviders, type SelectedProvider, type Selection } from './select-providers.ts'
import { buildServices } from './service-fields.ts'
import { readSettings, type Settings } from './settings.ts'
import { readVariables } from './variables.ts'

/** Environment and config/gateway.yaml → Config and Secrets, or every problem of both at once. */
export function loadConfig({
  env,
  files,
}: Readonly<{ env: Environment; files: Files }>): LoadedConfig {
  const problems: Problem[] = []
  const report: Report = (problem) => problems.push(problem)
  const variables = readVariables({ env, files, report })
  const settings = readSettings({ variables, report })
  const source = readSource(settings.server.file, files, { variables, report })
  const gateway = source === undefined ? undefined : readGateway(source, report)
  if (source === undefined || gateway === undefined || problems.length > 0) {
    return { ok: false, problems: inOrder(problems) }
  }
  return { ok: true, ...assemble(gateway, selectProviders(gateway.providers, source), settings) }
}

type Assembled = Omit<Extract<LoadedConfig, { ok: true }>, 'ok'>

function assemble(gateway: Gateway, selection: Selection, settings: Settings): Assembled {
  const { models, aliases, notices } = buildModels(gateway, selection)
  const config: Config = {
    ...settings.server,
    ...buildSections(gateway),
    providers: selection.on.map(buildProvider),
    models,
    aliases,
    services: buildServices(gateway.services),
    issuers: buildIssuers(gateway.identity),
    cors: buildCors(gateway.cors),
    hosts: gateway.hosts,
    securityHeaders: buildSecurityHeaders(gateway.security_headers),
    isDemo: selection.isDemo,
  }
  return {
    config,
    secrets: {
      adminFirst: settings.adminFirst,
      jwtSecretKey: settings.jwtSecretKey,
      tracingHeaders: settings.tracingHeaders,
      providerKeys: new Map(selection.on.map(({ entry, keys }) => [entry.id, keys])),
    },
    notices: [...settings.notices, ...selection.notices, ...notices, ...idleNotices(config)],
  }
}

function buildProvider({ entry, keys }: SelectedProvider): ProviderSettings {
  const headers = Object.entries(entry.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), value] as const],
  )
  return {
    id: entry.id,
    protocol: entry.protocol,
    baseUrl: entry.base_url ?? '',
    timeouts: buildTimeouts(entry.timeouts),
    headers: Object.fromEntries(headers),
    keyCount: keys.length,
    probe: entry.probe && {
      everyMs: entry.probe.every_ms,
      timeoutMs: entry.probe.timeout_ms,
    },
  }
}

type Sections = Pick<
  Config,
  | 'accounting'
  | 'tiers'
  | 'outcomes'
  | 'resilience'
  | 'streams'
  | 'joinRetriesMs'
  | 'limits'
  | 'strangers'
  | 'trustedProxies'
  | 'overload'
  | 'archive'
  | 'invitations'
  | 'webhooks'
  | 'quotaStatus'
>

function buildSections({
  accounting,
  tiers,
  outcomes,
  resilience,
  streams,
  repeats,
  limits,
  strangers,
  trusted_proxies,
  overload,
  archive,
  invitations,
  webhooks,
  compatibility,
}: Gateway): Sections {
  return {
    accounting: {
      creditsPerUsd: accounting.credits_per_usd,
      markup: accounting.markup,
      defaultMaxOutput: accounting.default_max_output,
    },
    tiers: buildTiers(tiers),
    outcomes: buildOutcomes(outcomes),
    resilience: buildResilience(resilience),
    joinRetriesMs: repeats.join_retries ? repeats.join_wait_ms : 0,
    streams: buildStreams(streams),
    limits: buildLimits(limits),
    strangers: {
      requestsPerMinute: strangers.requests_per_minute,
      failuresPerMinute: strangers.failures_per_minute,
    },
    trustedProxies: trusted_proxies,
    overload: buildOverload(overload),
    archive: buildArchive(archive),
    invitations,
    webhooks: buildWebhooks(webhooks),
    quotaStatus: compatibility.quota_status,
  }
}

const buildOutcomes = (outcomes: Gateway['outcomes']): Config['outcomes'] => ({
  cut: outcomes.cut,
  abortedEarly: outcomes.aborted_early,
  aborted: outcomes.aborted,
  empty: outcomes.empty,
  killed: outcomes.killed,
})

const DAY_MS = 86_400_000

const buildTiers = (tiers: Gateway['tiers']): Config['tiers'] =>
  new Map(
    Object.entries(tiers).map(([name, tier]) => [
      name,
      { limits: limitsFrom(tier), weight: tier.weight },
    ]),
  )

const buildStreams = (streams: Gateway['streams']): Config['streams'] => ({
  isKeepAliveOn: streams.keep_alive,
  keepAliveMs: streams.keep_alive_ms,
  keepAliveDelayMs: streams.keep_alive_delay_ms,
  idleReaderMs: streams.idle_reader_ms,
})

const buildWebhooks = (webhooks: Gateway['webhooks']): Config['webhooks'] => ({
  allowedNetworks: webhooks.allowed_networks,
  largeCharge: webhooks.large_charge,
  keyExpiringMs: webhooks.key_expiring_days * DAY_MS,
})

const buildArchive = ({ to, after_days }: Gateway['archive']): Config['archive'] =>
  to === undefined ? undefined : { to, afterMs: after_days * DAY_MS }

const buildLimits = (limits: Gateway['limits']): Config['limits'] => ({
  bodyBytesMax: limits.body_bytes_max,
  inFlightMax: limits.in_flight_max,
  keyInFlightMax: limits.key_in_flight_max,
  accountInFlightMax: limits.account_in_flight_max,
  connectionsMax: limits.connections_max,
  attemptsMax: limits.attempts_max,
  limiterFailure: limits.limiter_failure,
  diskFreeBytesMin: limits.disk_free_bytes_min,
})

const buildResilience = (entry: Gateway['resilience']): Config['resilience'] => ({
  breaker: { failuresMax: entry.breaker_failures, openMs: entry.breaker_open_ms },
  keyOffMs: entry.key_off_ms,
  retryShare: entry.retry_percent / 100,
})

const buildOverload = (entry: Gateway['overload']): Config['overload'] => ({
  loopDelayStreamsMs: entry.loop_delay_streams_ms || Infinity,
  loopDelayAllMs: entry.loop_delay_all_ms || Infinity,
  heapShareLargeBodies: entry.heap_large_bodies_percent / 100 || Infinity,
  heapShareAll: entry.heap_all_percent / 100 || Infinity,
  memoryShareLeave: entry.memory_leave_percent / 100 || Infinity,
  memoryBytesMax: entry.memory_bytes_max,
  bodyMemoryBytesMax: entry.body_memory_bytes_max,
})

/** Things that are on and do nothing: allowed, and hardly meant. */
function idleNotices({ providers, models }: Config): readonly Notice[] {
  const used = new Set(
    models.flatMap(({ deployments }) => deployments.map(({ provider }) => provider)),
  )
  const idle = providers.filter(({ id }) => !used.has(id))
  const notices = idle.map(({ id }): Notice => ({
    kind: 'warning',
    subject: `provider ${id}`,
    message: 'is on, and no model uses it',
  }))
  if (models.length > 0) return notices
  return [
    ...notices,
    { kind: 'warning', subject: 'models', message: 'are all off: every request is refused' },
  ]
}
