import { chargeFor } from '../domain/outcome.ts'
import type { House } from './house.ts'

/** Ends what a run that died left open: charged by its last recorded progress, or released if it never went out. */
export async function settleOrphans(house: Pick<House, 'ledger' | 'catalog'>): Promise<number> {
  const { ledger, catalog } = house
  const { outcomes } = catalog.settings()
  const orphans = ledger.orphans()
  for (const { id, progress } of orphans) {
    const charge = chargeFor('killed', progress !== undefined, outcomes)
    await ledger.endOrphan(id, charge.of === 'nothing' ? undefined : progress)
  }
  return orphans.length
}
