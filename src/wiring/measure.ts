import type { Config } from '../config/config.ts'
import type { Completions } from '../gateway/complete.ts'
import type { House } from '../gateway/house.ts'
import type { MetricsPage, Site } from '../http/site.ts'
import type { Events } from '../ports/events.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { bothEvents } from '../telemetry/both-events.ts'
import { logEvents } from '../telemetry/events.ts'
import { openLog, type Log } from '../telemetry/log.ts'
import { openMetrics, type Metrics } from '../telemetry/metrics/open-metrics.ts'
import { VERSION } from './version.ts'

type Telemetry = Readonly<{ log: Log; metrics: Metrics; events: Events }>

/** The log and the metrics, and the events that both are told. */
export function openTelemetry(config: () => Config): Telemetry {
  const { logDir: dir, logLevel: level } = config()
  const log = openLog({ dir, level, isStdout: true })
  const metrics = openMetrics({ version: VERSION, offer: config })
  return { log, metrics, events: bothEvents(logEvents(log), metrics.events) }
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
  text: () => registry.metrics(),
  onTrouble: (error) => {
    events.bug({ where: 'GET /metrics', error })
  },
  isElsewhere,
})
