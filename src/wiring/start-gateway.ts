import { randomBytes } from 'node:crypto'
import type { Config, Environment, Problem, Secrets } from '../config/config.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { settleOrphans } from '../gateway/sweep.ts'
import type { House } from '../gateway/house.ts'
import type { Configuration } from '../http/site.ts'
import { Probes } from '../gateway/probes.ts'
import { nodeDisk, type Disk } from '../store/lowdb/disk.ts'
import { measuredDisk } from '../store/lowdb/measured-disk.ts'
import { promptDisk } from '../store/lowdb/prompt-disk.ts'
import type { Metrics } from '../telemetry/metrics/open-metrics.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { workerTokenCounter } from '../tokenizer/worker-token-counter.ts'
import { openBooks } from './books.ts'
import { systemClock } from './clock.ts'
import { serveCommands } from './commands.ts'
import { firstStart, type FirstStart } from './first-start.ts'
import { limitsFor } from './limits.ts'
import { liveCatalog, type LiveCatalog } from './live-catalog.ts'
import { liveProviders, type LiveProviders } from './live-providers.ts'
import { openTelemetry } from './measure.ts'
import { watchConfig } from './reload.ts'
import { trafficFor } from './traffic.ts'
import { startWebhooks, withAlerts } from './webhooks.ts'
import { serve, type Served } from './serve.ts'
import { shutdown, type Shutdown } from './shutdown.ts'
import { watchUnwell } from './unwell.ts'

export type Gateway = Readonly<{
  config: Config
  port: number
  first: FirstStart
  stop: Shutdown
  /** Resolves with an exit code when the process should not go on. */
  unwell: Promise<number>
}>

/** Every part of the house, connected in the order in which they need each other, and stopped in reverse. */
export async function startGateway(
  config: Config,
  secrets: Secrets,
  env: Environment,
): Promise<Gateway> {
  const current: Current = { config, secrets, isReady: false, streams: () => 0 }
  const now = () => current.config
  const { log, metrics, tracing, events: plain } = await openTelemetry(now, secrets)
  const disk = diskFor(metrics, () => current.streams() === 0)
  const store = await openServerBooks(now, { events: plain, disk })
  const { events, noted } = withAlerts(plain, store, now)
  const { usage } = store
  const catalog = liveCatalog(config)
  const providers = liveProviders(config, secrets)
  const counter = workerTokenCounter()
  const traffic = trafficFor({ catalog, events, switches: store.switches })
  const unwell = watchUnwell(events, () => current.config.overload)
  const house: House = {
    ...{ keys: store.keys, ledger: store.ledger, catalog, counter, events },
    ...limitsFor(store, { catalog, events }),
    ...{ providers: providers.find, clock: systemClock, traffic, chance: Math.random },
    ...{ load: unwell.load, traces: tracing?.traces },
  }
  const configuration = configuring({ current, env, catalog, providers, traffic, store })
  const orphans = await settleOrphans(house)
  const first = await firstStart({ store, secrets, config })
  const served = await serve({
    ...{ store, house, usage, secrets, metrics, log, config: now, configuration },
    isReady: () => current.isReady,
    sessionSecret: sessionSecret(secrets),
  })
  current.streams = () => served.completions.streams
  const { wholeHealth, limitStanding } = served
  const live = { house, secrets, configuration, wholeHealth, limitStanding }
  const control = await serveCommands({ store, usage, config: now, live })
  const watch = watchConfig({ file: config.file, reload: configuration.reload, events })
  const probes = startProbes(house, now)
  const hooks = startWebhooks({ store, house, secrets, config: now, noted })
  current.isReady = true
  tellStart({ events, store, orphans, served, config })
  const stop = shutdown({
    ...{ served, control, store, usage, providers, counter, log, tracing, events, watch },
    ...{ unwell, probes, hooks },
    unready: () => (current.isReady = false),
  })
  return { config, port: served.port, first, stop, unwell: unwell.since }
}

type Current = { config: Config; secrets: Secrets; isReady: boolean; streams: () => number }
type Reloading = Readonly<{
  current: Current
  env: Environment
  catalog: LiveCatalog
  providers: LiveProviders
  traffic: Pick<House['traffic'], 'reloaded'>
  store: Store
}>

/** Reads the configuration again, and replaces all that follows it; or tells why not. */
function configuring({
  current,
  env,
  catalog,
  providers,
  traffic,
  store,
}: Reloading): Configuration {
  const load = () => loadConfig({ env: readEnvironment(env, diskFiles), files: diskFiles })
  const replace = () => {
    const loaded = load()
    if (!loaded.ok) return loaded.problems
    current.config = loaded.config
    catalog.replace(loaded.config)
    providers.replace(loaded.config, loaded.secrets)
    traffic.reloaded()
    return undefined
  }
  const check = () => {
    const loaded = load()
    return loaded.ok ? undefined : loaded.problems
  }
  return {
    check: () => told(check()),
    async reload(by: string) {
      const problems = told(replace())
      await store.registry.note({ kind: 'config-reloaded', problems: problems.length, by })
      return problems
    },
  }
}

const told = (problems: readonly Problem[] | undefined): readonly string[] =>
  (problems ?? []).map(formatProblem)

/** The books; what is sealed of them is summed up at once, so that nobody waits for it later. */
type Told = Readonly<{ events: House['events']; disk: Disk }>

async function openServerBooks(config: () => Config, { events, disk }: Told): Promise<Store> {
  const onTrouble = (message: string, facts: Record<string, unknown>) => {
    events.problem(message, facts)
  }
  const diskFreeBytesMin = () => config().limits.diskFreeBytesMin
  const archive = () => config().archive
  const options = { dbDir: config().dbDir, onTrouble, diskFreeBytesMin, archive, disk }
  const store = await openBooks({ ...options, purpose: 'server' })
  if (store.durableEnd().segment > 1) store.usage.catchUp()
  return store
}

/** Streams come and go without the disk; whole answers wait for it in any case. */
const diskFor = ({ storeWrites }: Metrics, mayWait: () => boolean): Disk =>
  measuredDisk(promptDisk(nodeDisk, { mayWait, ticksMs: systemClock.ticksMs }), storeWrites)

function startProbes(house: House, config: () => Config): Probes {
  const settings = (provider: string) => config().providers.find(({ id }) => id === provider)?.probe
  const probes = new Probes({ ...house, settings })
  probes.start()
  return probes
}

const sessionSecret = ({ jwtSecretKey }: Secrets): Uint8Array =>
  jwtSecretKey === undefined ? randomBytes(32) : new TextEncoder().encode(jwtSecretKey)

type Started = Readonly<{
  events: House['events']
  store: Store
  orphans: number
  served: Served
  config: Config
}>

function tellStart({ events, store, orphans, served, config }: Started): void {
  events.notice('started', { port: served.port, run: store.run, models: config.models.length })
  if (orphans > 0) events.warning('requests that the last run left open were settled', { orphans })
  if (store.tornBytes > 0) {
    events.warning('a torn last write was moved to quarantine', { bytes: store.tornBytes })
  }
}
