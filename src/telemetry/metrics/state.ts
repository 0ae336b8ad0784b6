/** What is looked up when somebody scrapes, and costs nothing in between. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { DeploymentState, DeploymentView } from '../../ports/traffic.ts'
import type { Names } from './names.ts'

export type HouseState = Readonly<{
  inFlight: () => number
  streams: () => number
  services: () => Readonly<Record<string, boolean>>
  deployments: () => readonly DeploymentView[]
  names: () => Names
  /** Of requests whose end is still to be booked; `oldestAt` by the wall clock. */
  holds: () => Readonly<{ open: number; oldestAt: number | undefined }>
  nowMs: () => number
  journal: () => Readonly<{ seq: number; segment: number; offset: number }>
  /** Lines that the log had to give up, in this run. */
  logLinesLost: () => number
  /** Undefined while there is none yet. */
  backupAt: () => Promise<number | undefined>
  snapshotAt: () => Promise<number | undefined>
}>

export function stateMetrics(registry: Registry, state: HouseState): void {
  const simple = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      ...{ name: `api_gateway_${name}`, help, registers: [registry] },
      collect() {
        this.set(read())
      },
    })
  const total = (name: string, help: string, read: () => number): Counter =>
    new Counter({
      ...{ name: `api_gateway_${name}`, help, registers: [registry] },
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  simple('in_flight', 'Completions that are being answered.', state.inFlight)
  simple('streams_active', 'Of these, the streamed ones.', state.streams)
  simple('holds_open', 'Requests whose credit is held.', () => state.holds().open)
  simple('holds_oldest_seconds', 'Age of the oldest hold; 0 when there is none.', () => {
    const { oldestAt } = state.holds()
    return oldestAt === undefined ? 0 : Math.max(state.nowMs() - oldestAt, 0) / 1_000
  })
  total(
    'journal_entries_total',
    'Entries of the journal since its beginning, over all runs.',
    () => state.journal().seq,
  )
  simple('journal_segment', 'Number of the segment that is written.', () => state.journal().segment)
  simple('journal_segment_bytes', 'Its length so far.', () => state.journal().offset)
  simple('queue_waiting', 'Requests that wait for room at a provider.', () =>
    waiting(state.deployments()),
  )
  total(
    'log_lines_lost_total',
    'Lines that are missing in the log, because it could not keep up or its file could not be written.',
    state.logLinesLost,
  )
  timestamps(registry, state)
  serviceHealth(registry, state)
  deployments(registry, state)
}

/** Not there until there is one: 0 would be a date. */
function timestamps(registry: Registry, { snapshotAt, backupAt }: HouseState): void {
  const timestamp = (name: string, help: string, read: () => Promise<number | undefined>): Gauge =>
    new Gauge({
      ...{ name: `api_gateway_${name}_timestamp_seconds`, help, labelNames: [] },
      registers: [registry],
      async collect() {
        const at = await read()
        if (at === undefined) this.remove()
        else this.set(at / 1_000)
      },
    })
  timestamp('snapshot', 'When the newest snapshot of the books was made.', snapshotAt)
  timestamp('backup_last_success', 'When the last backup was made, read back and proven.', backupAt)
}

function serviceHealth(registry: Registry, { services }: HouseState): void {
  new Gauge({
    name: 'api_gateway_service_health_status',
    help: 'Health of what the gateway stands on, as in GET /health: 1 is well, 0 is not.',
    ...{ labelNames: ['service_name'], registers: [registry] },
    collect() {
      this.reset()
      for (const [name, isWell] of Object.entries(services()))
        this.set({ service_name: name }, Number(isWell))
    },
  })
}

/** A key has its queue, and several deployments share it. */
function waiting(views: readonly DeploymentView[]): number {
  const queues = new Map(views.map((view) => [`${view.provider}#${view.keyIndex}`, view.waiting]))
  return [...queues.values()].reduce((sum, one) => sum + one, 0)
}

const BREAKER = { closed: 0, probing: 1, open: 2 } as const
const BREAKERS = {
  ready: BREAKER.closed,
  full: BREAKER.closed,
  cooling: BREAKER.closed,
  off: BREAKER.closed,
  probing: BREAKER.probing,
  open: BREAKER.open,
} as const satisfies Record<DeploymentState['kind'], number>

const USABLE: ReadonlySet<DeploymentState['kind']> = new Set(['ready', 'probing', 'full'])

function deployments(registry: Registry, { deployments: views, names }: HouseState): void {
  const gauge = (name: string, help: string, read: (view: DeploymentView) => number): Gauge =>
    new Gauge({
      ...{ name: `api_gateway_${name}`, help, registers: [registry] },
      labelNames: ['provider', 'deployment'],
      collect() {
        this.reset()
        for (const view of views()) {
          const { provider, deployment } = names().deployment(view.id)
          this.set({ provider, deployment }, read(view))
        }
      },
    })
  gauge(
    'deployment_up',
    'Whether a deployment is asked: 0 while its breaker is open, its key off or cooling, or it is switched off.',
    ({ state }) => Number(USABLE.has(state.kind)),
  )
  gauge(
    'circuit_breaker_state',
    'Breaker of a deployment: 0 closed, 1 the next request finds out, 2 open.',
    ({ state }) => BREAKERS[state.kind],
  )
  gauge('deployment_in_flight', 'Attempts at a deployment that run.', ({ inFlight }) => inFlight)
}
