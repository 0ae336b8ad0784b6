import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Events } from '../../ports/events.ts'
import { Counts } from './counts.ts'
import { Distributions } from './distributions.ts'
import { HttpMetrics } from './http-answers.ts'
import type { Names, Offer } from './names.ts'
import { RefusalMetrics, type TierOf } from './refusals.ts'
import { RequestMetrics } from './requests.ts'
import { secondDeployments } from './second-deployments.ts'
import { storeWriteMetrics, type StoreWrites } from './store-writes.ts'
import { stateMetrics, type HouseState } from './state.ts'

export type MetricsNeeds = Readonly<{ version: string; offer: () => Offer }>

type WatchedState = Omit<HouseState, 'names'> & Readonly<{ tierOf: TierOf }>

export type Metrics = Readonly<{
  /** To be told of everything that is measured as it happens. */
  events: Events
  registry: Registry
  storeWrites: StoreWrites
  /** Begins to show what is looked up at each scrape. */
  watch(state: WatchedState): void
}>

/** All that the gateway measures of itself, for Prometheus. docs/OBSERVABILITY.md says what each means. */
export function openMetrics({ version, offer }: MetricsNeeds): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  buildInfo(registry, version)
  const http = new HttpMetrics(registry)
  const requests = new RequestMetrics(registry, offer)
  const refusals = new RefusalMetrics(registry, offer)
  const names = (): Names => requests.names
  return {
    registry,
    storeWrites: storeWriteMetrics(registry),
    events: {
      answered: (route, status, ms) => http.answered(route, status, ms),
      requestEnded: (event) => requests.ended(event),
      requestRefused: (event) => refusals.refused(event),
      ...secondDeployments(registry, { models: offer().models, nameOf: (id) => names().model(id) }),
      ...queueing(registry),
      ...troubles(registry),
    },
    watch(state) {
      refusals.tierOf = state.tierOf
      stateMetrics(registry, { ...state, names })
    },
  }
}

function queueing(registry: Registry): Pick<Events, 'waited'> {
  const waits = new Distributions({
    name: 'api_gateway_queue_wait_seconds',
    help: 'How long a request waited for room at a provider; outcome is served, or gave_up.',
    ...{
      labels: ['outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
      registry,
    },
  })
  const [served, gaveUp] = [waits.of('served'), waits.of('gave_up')]
  return {
    waited(ms, gotRoom) {
      const wait = gotRoom ? served : gaveUp
      wait.observe(ms / 1_000)
    },
  }
}

/** Attempts are counted when their request ends, and what is told for information is not counted at all. */
function troubles(registry: Registry) {
  const told = new Counts({
    name: 'api_gateway_log_events_total',
    help: 'Events in the log that an operator wants to know of: bug, problem or warning.',
    ...{ labels: ['kind'], registry },
  })
  const [bugs, problems, warnings] = [told.of('bug'), told.of('problem'), told.of('warning')]
  return {
    attemptFailed: () => undefined,
    serviceAnswered: () => undefined,
    notice: () => undefined,
    bug() {
      bugs.value++
    },
    problem() {
      problems.value++
    },
    warning() {
      warnings.value++
    },
  }
}

function buildInfo(registry: Registry, version: string): void {
  const info = new Gauge({
    name: 'api_gateway_build_info',
    help: 'Always 1; the labels say what runs here.',
    ...{ labelNames: ['version', 'node'], registers: [registry] },
  })
  info.set({ version, node: process.version }, 1)
}
