import { NO_LIMITS } from '../domain/limit.ts'
import { micro } from '../domain/money.ts'
import { UTC } from '../domain/time-zone.ts'
import type { AccountView } from '../ports/ledger.ts'
import { resellingView } from './placing.ts'
import type { Books } from './books.ts'

export function accountView(books: Books, id: string): AccountView | undefined {
  const found = books.accounts.get(id)
  if (found === undefined) return undefined
  const { tier, timeZone = UTC, limits = NO_LIMITS, credit, createdAt } = found
  const { isDisabled = false, disabledBy = '', note = '', lowCredit = '0' } = found
  const isReselling = found.parent !== undefined || found.subAccountsMax !== undefined
  return {
    ...{ account: id, tier, timeZone, limits, credit, createdAt },
    ...{ isDisabled, disabledBy, note, lowCredit: micro(BigInt(lowCredit)) },
    ...(isReselling && { reselling: resellingView(found) }),
  }
}
