import { available, placeHold, type Credit } from '../domain/account.ts'
import type { LevelMoved } from '../domain/entry.ts'
import { micro, minus, plus, ZERO, type MicroCredits } from '../domain/money.ts'
import { nameOf, Resale, type Level } from '../domain/reseller.ts'
import type { BookedEntry } from './booked-entry.ts'
import { accountOf, Contradiction, moveCredit, type AccountState, type Books } from './books.ts'

/** What the accounts above a sub-account do together with it, live and in replay. */
type Leveled = Extract<BookedEntry, { levels?: readonly LevelMoved[] }>

const RESALES_MAX = 10_000

/** How an account's prices come about; undefined for one that pays the operator itself. */
export function resaleOf(books: Books, account: AccountState): Resale | undefined {
  if (account.parent === undefined) return undefined
  return (account.resale ??= resaleFor(books, levelsAbove(books, account)))
}

export function resaleFor({ resales }: Books, levels: readonly Level[]): Resale {
  const name = nameOf(levels)
  const known = resales.get(name)
  if (known !== undefined) return known
  const made = new Resale(levels)
  if (resales.size >= RESALES_MAX) resales.clear()
  resales.set(name, made)
  return made
}

function levelsAbove(books: Books, account: AccountState): Level[] {
  const { id, parent, markup = '0' } = account
  if (parent === undefined) return [{ account: id }]
  return [{ account: id, markup }, ...levelsAbove(books, accountOf(books, parent))]
}

/** Below its cap, less what is used and held. */
export const roomUnderCap = ({
  cap,
  used = ZERO,
  credit,
}: AccountState): MicroCredits | undefined =>
  cap === undefined ? undefined : minus(minus(cap, used), credit.held)

/** A level's credit after a hold; undefined where its free credit or its cap does not cover it. */
export function holdLevel(account: AccountState, amount: MicroCredits): Credit | undefined {
  const room = roomUnderCap(account)
  return room !== undefined && amount > room ? undefined : placeHold(account.credit, amount)
}

/** Posts what an entry does above its account; what a settle takes, and a refund gives back, counts against caps. */
export function moveLevels(books: Books, entry: Leveled): void {
  const { levels } = entry
  if (levels === undefined) return
  for (const { account, balance, held } of levels)
    moveCredit(books, account, { balance: micro(BigInt(balance)), held: micro(BigInt(held)) })
  if (entry.kind !== 'settle' && entry.kind !== 'refund') return
  for (const { account: id, amount } of [entry, ...levels]) {
    const account = accountOf(books, id)
    if (account.used === undefined) continue
    const change = entry.kind === 'settle' ? BigInt(amount) : -BigInt(amount)
    account.used = plus(account.used, micro(change))
  }
}

/** In replay: recomputes what an entry says of the accounts above, by the entries before it. */
export function replayLevels(books: Books, entry: Leveled): void {
  const { levels, ref } = entry
  if (levels === undefined) return
  const expected = creditsAfter(books, entry)
  for (const [at, { account, balance, held }] of levels.entries()) {
    const credit = expected[at]
    if (credit?.balance === BigInt(balance) && credit.held === BigInt(held)) continue
    throw new Contradiction(
      `${entry.kind} of ${ref} leaves ${account} with ${balance} (${held} held), but the entries before it give ` +
        `${credit?.balance ?? 'nothing'} (${credit?.held ?? 'nothing'} held)`,
    )
  }
}

function creditsAfter(books: Books, entry: Leveled): readonly (Credit | undefined)[] {
  const { levels = [] } = entry
  if (entry.kind === 'hold') {
    const chain = resaleOf(books, accountOf(books, entry.account))
    const said = [{ account: entry.account, markup: entry.markup }, ...(entry.levels ?? [])]
    if (chain?.name !== nameOf(said.map(levelOf)))
      throw new Contradiction(`hold ${entry.ref} goes through accounts that are not above it`)
    return levels.map(({ account, amount }) =>
      holdLevel(accountOf(books, account), micro(BigInt(amount))),
    )
  }
  if (entry.kind === 'refund')
    return levels.map(({ account, amount }) => {
      const { balance, held } = accountOf(books, account).credit
      return { balance: plus(balance, micro(BigInt(amount))), held }
    })
  const above = books.holds.get(entry.ref)?.levels ?? []
  if (above.map(({ account }) => account).join() !== levels.map(({ account }) => account).join())
    throw new Contradiction(`${entry.kind} of ${entry.ref} ends a hold of other accounts`)
  return levels.map(({ account, amount }, at) => {
    const { balance, held } = accountOf(books, account).credit
    const charged = entry.kind === 'settle' ? micro(BigInt(amount)) : ZERO
    const after = { balance: minus(balance, charged), held: minus(held, above[at]?.amount ?? ZERO) }
    return available(after) < 0n ? undefined : after
  })
}

const levelOf = ({ account, markup }: { account: string; markup?: string | undefined }): Level =>
  markup === undefined ? { account } : { account, markup }
