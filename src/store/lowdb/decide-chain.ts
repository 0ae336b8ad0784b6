import { settleHold, type Credit } from '../../domain/account.ts'
import type { HoldEntry, LevelMoved, OverrunEntry, SettleEntry } from '../../domain/entry.ts'
import { Failure } from '../../domain/failure.ts'
import { least, minus, most, ZERO, type MicroCredits } from '../../domain/money.ts'
import type { Price } from '../../domain/price.ts'
import type { Level, Resale } from '../../domain/reseller.ts'
import type { Charge, HoldAnswer, HoldRequest } from '../../ports/ledger.ts'
import { accountOf, type AccountState, type Books } from '../books.ts'
import { holdLevel, resaleFor, roomUnderCap } from '../chains.ts'
import { mostOf, type HeldLevel, type OpenHold } from '../open-hold.ts'
import { chargeEntry, holdEntry, moved } from './entries.ts'

/**
 * What a request of a sub-account does to it and to all accounts above it: one entry, so that all of it happens or
 * nothing. Nothing is changed here.
 */
type ChainHold = Readonly<{ request: HoldRequest; resale: Resale; at: number }>
type Short = Extract<HoldAnswer, { kind: 'short' }>

export function decideChainHold(
  books: Books,
  { request, resale, at }: ChainHold,
): { kind: 'entry'; entry: HoldEntry; credit: Credit } | Short {
  const amounts = resale.shares(request.amount)
  const prices = resale.pricesFor(request.price)
  const held = resale.levels.map(({ account }, level) =>
    holdLevel(accountOf(books, account), amounts[level] ?? ZERO),
  )
  if (resale.levels.some(({ account }) => accountOf(books, account).isDisabled === true))
    throw chainDisabled()
  const [own] = held
  if (own === undefined || held.includes(undefined)) return shortOf(books, resale)
  const levels = resale.levels.map(({ account, markup }, level) => ({
    ...{ account, markup, price: prices[level]?.version ?? '' },
    ...moved(amounts[level] ?? ZERO, held[level] ?? own),
  }))
  const [{ markup } = { markup: undefined }, ...above] = levels
  const entry = { ...holdEntry(request, own, at), markup, levels: above }
  return { kind: 'entry', entry, credit: own }
}

/** Which of those above it was disabled is not the caller's business. */
const chainDisabled = (): Failure =>
  new Failure('key_not_allowed', 'This account is disabled. Ask whoever gave you your key.')

/** What the chain could pay with nothing in flight, in the terms of the one who asks. */
function shortOf(books: Books, resale: Resale): Short {
  const payable = resale.levels.map(({ account }, level) =>
    resale.payable(spendable(accountOf(books, account)), level),
  )
  const balance = payable.reduce(least)
  const own = payable[0] ?? ZERO
  return { kind: 'short', credit: { balance, held: ZERO }, isAbove: balance < own }
}

function spendable(account: AccountState): MicroCredits {
  const { balance, held } = account.credit
  const room = roomUnderCap(account)
  return room === undefined ? balance : most(ZERO, least(balance, (room + held) as MicroCredits))
}

/** The charge of an orphan has no price: what was noted of its cost is shared out. */
export type Charged = Omit<Charge, 'price'> & Readonly<{ price?: Price }>
type ChainSettle = Readonly<{ charge: Charged; hold: OpenHold; at: number }>

type Settled = Readonly<{
  entry: SettleEntry
  credit: Credit
  /** What each of them paid, the one that asked first. */
  charges: readonly MicroCredits[]
  prices: readonly Price[]
  /** What the account at the top did not pay is the operator's; below it, it is less income for the one above. */
  overrun: Readonly<{ amount: MicroCredits; reason: OverrunEntry['reason'] }>
}>

export function decideChainSettle(books: Books, { charge, hold, at }: ChainSettle): Settled {
  const held = [hold, ...(hold.levels ?? [])]
  const resale = resaleFor(books, held.map(levelOf))
  const { cost, usage, price, outcome } = charge
  const costs = resale.costs({ cost, usage, price, outcome })
  const prices = price === undefined ? [] : resale.pricesFor(price)
  // A reseller is not asked for what its customer need not pay: that is the operator's at each level.
  const limit = mostOf(hold)
  const limits = limit === undefined ? costs : resale.shares(limit)
  const levels = held.map(({ account, amount, price: promised }, level) => {
    const due = costs[level] ?? ZERO
    const payable = charge.payer === 'account' ? least(due, limits[level] ?? due) : ZERO
    const settled = settleHold(accountOf(books, account).credit, amount, payable)
    return { account, price: prices[level]?.version ?? promised, due, ...settled }
  })
  const [own, ...above] = levels
  const top = levels.at(-1)
  if (own === undefined || top === undefined) throw new Error('a chain has accounts')
  const amounts = moved(own.charged, own.credit)
  const entry = {
    ...chargeEntry({ charge, hold, price: own.price, at, ...amounts }),
    levels: above.map(({ account, price, due, charged, credit }) => ({
      ...{ account, price, cost: due.toString() },
      ...moved(charged, credit),
    })),
  }
  const { attempts, startedAt, firstByteMs, totalMs, ...head } = entry
  const overrun = minus(top.due, top.charged)
  return {
    // The attempts are last: usage is read up to them.
    entry: { ...head, attempts, startedAt, firstByteMs, totalMs },
    ...{ credit: own.credit, charges: levels.map(({ charged }) => charged), prices },
    overrun: { amount: overrun, reason: charge.payer === 'operator' ? 'cut' : 'beyond_hold' },
  }
}

/** The ends of the promises above, without a charge. */
export const releasedLevels = (books: Books, levels: readonly HeldLevel[]): LevelMoved[] =>
  levels.map(({ account, amount }) => {
    const { credit } = settleHold(accountOf(books, account).credit, amount, ZERO)
    return { account, ...moved(amount, credit) }
  })

const levelOf = ({ account, markup }: Level): Level =>
  markup === undefined ? { account } : { account, markup }
