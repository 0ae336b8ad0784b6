import { NO_LIMITS } from '../domain/limit.ts'
import { micro } from '../domain/money.ts'
import { UTC } from '../domain/time-zone.ts'
import type { AccountView } from '../ports/ledger.ts'
import type { Books } from './books.ts'

export function accountView(books: Books, id: string): AccountView | undefined {
  const found = books.accounts.get(id)
  if (found === undefined) return undefined
  const { tier, timeZone = UTC, limits = NO_LIMITS, credit, createdAt } = found
  const { isDisabled = false, note = '', lowCredit = '0' } = found
  return {
    ...{ account: id, tier, timeZone, limits, credit, createdAt },
    ...{ isDisabled, note, lowCredit: micro(BigInt(lowCredit)) },
  }
}
