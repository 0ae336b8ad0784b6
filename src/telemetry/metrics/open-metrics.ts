import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Events } from '../../ports/events.ts'
import { Counts } from './counts.ts'
import { HttpMetrics } from './http-answers.ts'
import type { Names, Offer } from './names.ts'
import { RefusalMetrics, type TierOf } from './refusals.ts'
import { RequestMetrics } from './requests.ts'
import { stateMetrics, type HouseState } from './state.ts'

export type MetricsNeeds = Readonly<{ version: string; offer: () => Offer }>

type WatchedState = Omit<HouseState, 'names'> & Readonly<{ tierOf: TierOf }>

export type Metrics = Readonly<{
  /** To be told of everything that is measured as it happens. */
  events: Events
  registry: Registry
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
    events: {
      answered: (route, status, ms) => http.answered(route, status, ms),
      requestEnded: (event) => requests.ended(event),
      requestRefused: (event) => refusals.refused(event),
      ...troubles(registry),
    },
    watch(state) {
      refusals.tierOf = state.tierOf
      stateMetrics(registry, { ...state, names })
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
