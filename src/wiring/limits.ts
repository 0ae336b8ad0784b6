import type { House } from '../gateway/house.ts'
import { Limits } from '../gateway/limits.ts'
import { MemoryLimiter } from '../limiter/memory.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { systemClock } from './clock.ts'

/** Counted in this process; what was used before it began stands in the books. */
export function limitsFor(
  { ledger, usage }: Store,
  known: Pick<House, 'catalog' | 'events'>,
): Limits {
  const limiter = new MemoryLimiter({ clock: systemClock, usage })
  return new Limits({ ...known, ledger, limiter, clock: systemClock })
}
