import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { providerStates } from '../admin/provider-states.ts'
import type { Config, Secrets } from '../config/config.ts'
import { Completions } from '../gateway/complete.ts'
import type { House } from '../gateway/house.ts'
import { ServiceCalls } from '../gateway/service-calls.ts'
import { guardsOf } from '../http/guards.ts'
import { Intake } from '../http/intake.ts'
import { createMetricsServer } from '../http/metrics-server.ts'
import { createServer } from '../http/server.ts'
import type { Configuration, Site } from '../http/site.ts'
import type { UsageBook } from '../ports/usage.ts'
import { serviceClient } from '../proxy/service-client.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics/open-metrics.ts'
import { limitStandingFor } from './limits.ts'
import { healthFor } from './health.ts'
import { accountsFor, correctingFor, issuingFor, keysFor } from './books.ts'
import { measure, metricsPage } from './measure.ts'
import { webhooksFor } from './webhooks.ts'
import { resellingFor } from './resellers.ts'
import { signingIn } from './signing-in.ts'
import { VERSION } from './version.ts'

export type Serving = Readonly<{
  store: Store
  house: House
  usage: UsageBook
  secrets: Secrets
  sessionSecret: Uint8Array
  config: () => Config
  metrics: Metrics
  log: Log
  configuration: Configuration
  isReady: () => boolean
}>

export type Served = Readonly<{
  server: Server
  /** Where the metrics have a port of their own. */
  metricsServer: Server | undefined
  completions: Completions
  serviceCalls: ServiceCalls
  port: number
  wholeHealth: Site['wholeHealth']
  limitStanding: Site['limitStanding']
}>

/** The HTTP side of the house, listening. */
export async function serve(serving: Serving): Promise<Served> {
  const { store, house, usage, config, sessionSecret } = serving
  const completions = new Completions(house)
  const { traffic, events, clock } = house
  const serviceCalls = serviceCallsFor(house, config)
  const providers = providerStates({ traffic, switches: store.switches, events, clock })
  const site: Site = {
    ...{ house, usage, completions, issuing: issuingFor(store, config) },
    ...{ accounts: accountsFor(store, config), keys: keysFor(store, config) },
    limitStanding: limitStandingFor(store, {
      ...house,
      inFlight: (kind, id) => completions.inFlightOf(kind, id),
    }),
    intake: new Intake({ house, settings: () => config().overload }),
    ...{ correcting: correctingFor(store), trail: store.usage, ...resellingFor(store, config) },
    webhooks: webhooksFor({ store, config, secrets: serving.secrets }),
    providers,
    ...signingIn({ store, clock, events, config, sessionSecret }),
    configuration: serving.configuration,
    metrics: metricsPage(serving.metrics, {
      events,
      isElsewhere: config().metricsPort !== undefined,
    }),
    newRequestId: requestIds(store.run),
    settings: settingsOf(serving),
    serviceCalls,
    ...healthFor(serving, { completions, providers, serviceCalls }),
  }
  const { metrics, log } = serving
  measure({ metrics, log, store, house, completions, health: site.health })
  const server = createServer(site, config().limits)
  const { metricsPort, metricsHost, port, host } = config()
  const metricsServer = metricsPort === undefined ? undefined : createMetricsServer(site.metrics)
  if (metricsServer !== undefined) await listen(metricsServer, metricsPort, metricsHost)
  await listen(server, port, host)
  if (metricsServer !== undefined) events.notice('metrics', { port: portOf(metricsServer) })
  const { wholeHealth, limitStanding } = site
  return {
    ...{ server, metricsServer, completions, serviceCalls },
    ...{ port: portOf(server), wholeHealth, limitStanding },
  }
}

function settingsOf({ config, isReady }: Serving): Site['settings'] {
  let last: Config['securityHeaders'] | undefined
  let guards = guardsOf(config().securityHeaders)
  return () => {
    const { limits, streams, quotaStatus, trustedProxies, cors, hosts, securityHeaders } = config()
    if (securityHeaders !== last) guards = guardsOf(securityHeaders)
    last = securityHeaders
    const { bodyBytesMax } = limits
    const { idleReaderMs } = streams
    const version = VERSION
    const isLeaving = !isReady()
    // Asked by every request: put together of another object it would be of another shape each time.
    return {
      bodyBytesMax,
      idleReaderMs,
      quotaStatus,
      trustedProxies,
      cors,
      hosts,
      guards,
      version,
      isLeaving,
    }
  }
}

const serviceCallsFor = ({ clock, limits }: House, config: () => Config): ServiceCalls =>
  new ServiceCalls({ clock, limits, client: serviceClient(), services: () => config().services })

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Unique across runs by the run's random name, within one by counting. */
function requestIds(run: string): () => string {
  let count = 1_000_000_000 // ten digits from the start, so that ids sort in the order of their making
  return () => `req_${run}${count++}`
}

function listen(server: Server, port: number | undefined, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
