import { limitStanding, type InFlight, type LimitStanding } from '../admin/limit-standing.ts'
import { lineOf } from '../domain/key.ts'
import type { House } from '../gateway/house.ts'
import { Limits, type LimitsNeeds } from '../gateway/limits.ts'
import { Strangers } from '../gateway/strangers.ts'
import { MemoryLimiter } from '../limiter/memory.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { systemClock } from './clock.ts'

/** Counted in this process; what was used before it began stands in the books. */
export function limitsFor(
  { ledger, registry, usage, keys }: Store,
  { catalog, events }: Pick<LimitsNeeds, 'events'> & Pick<House, 'catalog'>,
): Pick<House, 'limits' | 'strangers'> {
  const clock = systemClock
  const keysOf = (line: string) =>
    [...registry.keys(0)].filter((key) => lineOf(key) === line).map(({ id }) => id)
  const limiter = new MemoryLimiter({ clock, usage, ledger, keysOf })
  const limits = new Limits({ catalog, events, ledger, limiter, clock, keys })
  registry.onRefunded((refund) => {
    limits.giveBack(refund)
  })
  const strangers = new Strangers({
    ...{ limiter, clock, settings: () => catalog.settings().strangers },
    tellTrouble: (error) => {
      limits.tellTrouble(error)
    },
  })
  return { limits, strangers }
}

type Counting = Pick<House, 'limits' | 'catalog'> & Readonly<{ inFlight: InFlight }>

export const limitStandingFor = (
  { ledger, keys }: Pick<Store, 'ledger' | 'keys'>,
  { limits, catalog, inFlight }: Counting,
): LimitStanding =>
  limitStanding({
    ...{ keys, limits, inFlight, nowMs: systemClock.nowMs },
    accountOf: (id) => ledger.account(id),
    modelOf: (name) => catalog.route(name)?.model,
  })
