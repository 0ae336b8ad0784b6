import { wholeHealth, type BooksHealth, type Health } from '../admin/health.ts'
import type { ProviderStates } from '../admin/provider-states.ts'
import { registeredServices } from '../admin/services.ts'
import type { Config } from '../config/config.ts'
import type { Completions } from '../gateway/complete.ts'
import type { ServiceCalls } from '../gateway/service-calls.ts'
import type { Site } from '../http/site.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import type { Serving } from './serve.ts'
import { VERSION } from './version.ts'

type Served = Readonly<{
  completions: Completions
  providers: ProviderStates
  serviceCalls: Pick<ServiceCalls, 'isReachable'>
}>

/** How the house is: in few words for everybody, and as a whole for those who look after it. */
export function healthFor(
  { store, house, config, isReady }: Serving,
  { completions, providers, serviceCalls }: Served,
): Pick<Site, 'health' | 'services' | 'wholeHealth'> {
  const health = (): Health => ({
    isReady: isReady() && store.isWritable(),
    services: {
      ...{ ...servicesOf(config(), store), ...providers.usable() },
      ...reachable(config(), serviceCalls),
    },
    alarms: [
      store.trouble(),
      store.isProven() ? undefined : 'memory_differs',
      house.load.refused === 'nothing' ? undefined : 'overloaded',
    ].filter((alarm) => alarm !== undefined),
  })
  const program = { version: VERSION, node: process.version, run: store.run }
  return {
    health,
    services: registeredServices({
      health,
      providers: () => config().providers,
      services: () => config().services,
    }),
    wholeHealth: wholeHealth({
      ...{ health, providers, alerts: store.alerts, load: house.load, clock: house.clock },
      books: () => booksHealth(store),
      traffic: () => ({ inFlight: completions.inFlight, streams: completions.streams }),
      program: { ...program, startedAt: house.clock.nowMs() },
    }),
  }
}

const servicesOf = (config: Config, store: Store): Record<string, boolean> => ({
  ledger: store.isWritable(),
  snapshots: store.isProven(),
  ...Object.fromEntries(config.providers.map(({ id }) => [id, true])),
})

const reachable = ({ services }: Config, calls: Served['serviceCalls']) =>
  Object.fromEntries(services.map((one) => [one.name, calls.isReachable(one)]))

const booksHealth = async (store: Store): Promise<BooksHealth> => ({
  ...{ isWritable: store.isWritable(), isProven: store.isProven(), tornBytes: store.tornBytes },
  ...{ end: store.durableEnd(), holds: store.openHolds(), space: store.space() },
  snapshotAt: await store.snapshotAt(),
  backupAt: await store.backupAt(),
  audit: await store.lastAudit(),
})
