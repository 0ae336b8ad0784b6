import { micro, ZERO, type MicroCredits } from '../domain/money.ts'
import { misplaced, parseMarkup, type Misplaced, type Resale } from '../domain/reseller.ts'
import type { AccountEntry, PlaceSettings } from '../domain/register.ts'
import type { ResellingView } from '../ports/ledger.ts'
import { Contradiction, type AccountState, type Books } from './books.ts'

/** What an account has as part of a chain; an account that neither is a sub-account nor may have any has nothing of it. */
export type Reselling = {
  parent?: string
  markup?: string
  subAccountsMax?: number
  cap?: MicroCredits
  /** The operator's, in micro-credits. */
  capMax?: string
  /** What it was charged as a sub-account, less what was given back: what its cap is held against. */
  used?: MicroCredits
  /** Made of the above when it is asked for. */
  resale?: Resale | undefined
}

export function changePlace(books: Books, account: AccountState, entry: PlaceSettings): void {
  const { parent, markup, subAccountsMax, cap, word } = entry
  if (subAccountsMax !== undefined) account.subAccountsMax = subAccountsMax
  if (cap !== undefined && word === 'operator') {
    if (cap === '') delete account.capMax
    else account.capMax = cap
  }
  if (cap === '') delete account.cap
  else if (cap !== undefined) account.cap = micro(BigInt(cap))
  if (parent === undefined && markup === undefined) return
  if (parent === '') {
    delete account.parent
    delete account.markup
    delete account.used
    delete account.cap
    delete account.capMax
  } else {
    if (parent !== undefined) account.parent = parent
    if (markup !== undefined) account.markup = markup
    account.used ??= ZERO
  }
  for (const one of books.accounts.values()) if (one.parent !== undefined) one.resale = undefined
  account.resale = undefined
}

/** Where an account would stand in a tree that has no room for it; undefined where all is well. */
export function misplacedIn(books: Books, account: string, parent: string): Misplaced | undefined {
  const { accounts } = books
  const tree = {
    parentOf: (id: string) => accounts.get(id)?.parent,
    exists: (id: string) => accounts.has(id),
    heightOf: (id: string) => heightOf(books, id),
  }
  return misplaced(tree, { account, parent })
}

/** Accounts that hang below another, at all levels. */
export function* belowOf({ accounts }: Books, id: string): Generator<readonly [string, number]> {
  for (const one of accounts.values()) {
    let depth = 1
    for (let up = one.parent; up !== undefined; up = accounts.get(up)?.parent, depth++) {
      if (up === id) yield [one.id, depth]
    }
  }
}

function heightOf(books: Books, id: string): number {
  let height = 1
  for (const [, depth] of belowOf(books, id)) height = Math.max(height, depth + 1)
  return height
}

/** In replay: an entry that puts an account where none can be. */
export function checkPlace(books: Books, { account, parent, markup }: AccountEntry): void {
  if (markup !== undefined && parseMarkup(markup) !== markup)
    throw new Contradiction(`the markup of ${account} is ${markup}`)
  if (parent === undefined || parent === '') return
  const problem = misplacedIn(books, account, parent)
  if (problem === undefined) return
  throw new Contradiction(`${account} cannot be a sub-account of ${parent}: ${problem}`)
}

export const resellingView = ({
  parent,
  markup = '0',
  subAccountsMax = 0,
  cap,
  capMax,
  used = ZERO,
}: Reselling): ResellingView => ({
  ...{ parent, markup, subAccountsMax, cap, used },
  ...(capMax !== undefined && { capMax: micro(BigInt(capMax)) }),
})
