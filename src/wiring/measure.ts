import type { Config, Secrets } from '../config/config.ts'
import type { Completions } from '../gateway/complete.ts'
import type { House } from '../gateway/house.ts'
import type { MetricsPage, Site } from '../http/site.ts'
import type { Events } from '../ports/events.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { bothEvents } from '../telemetry/both-events.ts'
import { logEvents } from '../telemetry/events.ts'
import { openLog, type Log } from '../telemetry/log.ts'
import { openMetrics, type Metrics } from '../telemetry/metrics/open-metrics.ts'
import { pageText } from '../telemetry/metrics/page-text.ts'
import type { OpenTraces } from '../telemetry/trace/open-traces.ts'
import { VERSION } from './version.ts'

type Telemetry = Readonly<{
  log: Log
  metrics: Metrics
  events: Events
  /** Undefined where nobody collects traces. */
  tracing: OpenTraces | undefined
}>

/** The log, the metrics and the traces, and the events that all of them are told. */
export async function openTelemetry(config: () => Config, secrets: Secrets): Promise<Telemetry> {
  const { logDir: dir, logLevel: level } = config()
  const log = openLog({ dir, level, isStdout: true })
  const metrics = openMetrics({ version: VERSION, offer: config })
  const events = bothEvents(logEvents(log), metrics.events)
  const tracing = await openTracing(config(), { secrets, events })
  return { log, metrics, tracing, events: tracing?.listening(events) ?? events }
}

type Tracing = Readonly<{ secrets: Secrets; events: Events }>

/** Not even loaded where nobody collects them. */
async function openTracing({ tracing }: Config, { secrets, events }: Tracing) {
  if (tracing === undefined) return undefined
  const { openTraces } = await import('../telemetry/trace/open-traces.ts')
  const { endpoint, serviceName, ratio } = tracing
  const resource = { 'service.name': serviceName, 'service.version': VERSION }
  return openTraces({ endpoint, ratio, resource, headers: secrets.tracingHeaders }, events)
}

type Measured = Readonly<{
  metrics: Metrics
  log: Log
  store: Store
  house: House
  completions: Completions
  health: Site['health']
}>

/** From now on a scrape shows how the house stands. */
export function measure({ metrics, log, store, house, completions, health }: Measured): void {
  const { clock, ledger, traffic } = house
  metrics.watch({
    nowMs: clock.nowMs,
    inFlight: () => completions.inFlight,
    streams: () => completions.streams,
    services: () => health().services,
    deployments: () => traffic.view(),
    holds: store.openHolds,
    journal: store.durableEnd,
    logLinesLost: () => log.lost(),
    snapshotAt: store.snapshotAt,
    backupAt: store.backupAt,
    tierOf: (account) => ledger.account(account)?.tier,
  })
}

type Paged = Readonly<{ events: Pick<Events, 'bug'>; isElsewhere: boolean }>

export const metricsPage = (
  { registry }: Metrics,
  { events, isElsewhere }: Paged,
): MetricsPage => ({
  type: registry.contentType,
  text: () => pageText(registry),
  onTrouble: (error) => {
    events.bug({ where: 'GET /metrics', error })
  },
  isElsewhere,
})
