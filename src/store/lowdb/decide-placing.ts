import type { AccountEntry } from '../../domain/register.ts'
import type { Placing, PlacingRefusal } from '../../ports/ledger.ts'
import { belowOf, misplacedIn } from '../placing.ts'
import type { Books } from '../books.ts'

type Placed = Omit<AccountEntry, 'at' | 'by'>

/** Decides against the books whether an account may be put there, and changes nothing. */
export function decidePlacing(
  books: Books,
  account: string,
  { parent, markup, subAccountsMax, cap, word }: Placing,
): Placed | PlacingRefusal {
  const known = books.accounts.get(account)
  if (known === undefined) return 'unknown_account'
  if (parent !== undefined && parent !== (known.parent ?? '')) {
    const problem = parent === '' ? undefined : misplacedIn(books, account, parent)
    if (problem !== undefined) return problem
    if (known.credit.balance > 0n) return 'has_credit'
    if (isInFlight(books, account)) return 'open_holds'
  }
  const isMoved = parent !== undefined && parent !== (known.parent ?? '')
  return {
    ...{ kind: 'account', account, tier: known.tier },
    ...(isMoved && { parent }),
    ...(markup !== undefined && { markup }),
    ...(subAccountsMax !== undefined && { subAccountsMax }),
    ...(cap !== undefined && { cap: cap === null ? '' : cap.toString() }),
    ...(word !== undefined && { word }),
  }
}

/** Whether requests are running of the account, or of one below it. */
function isInFlight(books: Books, account: string): boolean {
  const chain = new Set([account, ...[...belowOf(books, account)].map(([id]) => id)])
  for (const hold of books.holds.values()) if (chain.has(hold.account)) return true
  return false
}
