import { placeHold, type Credit } from '../domain/account.ts'
import type { CodeRecord } from '../domain/code.ts'
import type { CorrectionEntry, PriceEntry } from '../domain/entry.ts'
import type { KeyRecord } from '../domain/key.ts'
import { minus, plus, ZERO, type MicroCredits } from '../domain/money.ts'
import type { Resale } from '../domain/reseller.ts'
import { amountIn, type Amount, type BookedEntry } from './booked-entry.ts'
import { checkPlace, type Reselling } from './placing.ts'
import { moveLevels, replayLevels } from './chains.ts'
import { emptyAlerts, postAlert, type AlertBooks } from './alerts.ts'
import { postCode } from './vouchers.ts'
import { postSwitch, type SwitchedOff } from './switched-off.ts'
import type { AccountSettings } from '../domain/register.ts'
import type { UserRecord } from '../domain/user.ts'
import { correctedCredit, postCorrection, replayTransfer } from './corrections.ts'
import { postRegister } from './register.ts'
import { holdFrom, type OpenHold } from './open-hold.ts'
import { PassingMap } from './passing-map.ts'

export type AccountState = {
  readonly id: string
  readonly createdAt: number
  tier: string
  credit: Credit
  /** The segment in which its credit moved last; 0: in none since the start. */
  movedIn: number
  /** Who of the operators disabled it last; empty where none of them did, and absent where nobody ever did. */
  disabledBy?: string
} & Reselling & { -readonly [name in keyof AccountSettings]: AccountSettings[name] }

/** What the journal adds up to. Changed by `post` alone, live and in replay alike. */
export type Books = {
  readonly accounts: Map<string, AccountState>
  readonly keysByHash: Map<string, KeyRecord>
  readonly keysById: Map<string, KeyRecord>
  /** By name. */
  readonly users: Map<string, UserRecord>
  /** Sessions that were ended before their time, and when their tokens expire. */
  readonly endedSessions: Map<string, number>
  readonly holds: PassingMap<string, OpenHold>
  readonly prices: Map<string, Omit<PriceEntry, 'kind' | 'at'>>
  /** What was given back, by request. */
  readonly refunds: Map<string, RefundState>
  /** Corrections that may be asked for again, by the name of their call, oldest first. */
  readonly repeats: Map<string, CorrectionEntry>
  /** What operators switched off, by its name. */
  readonly switchedOff: Map<string, SwitchedOff>
  readonly alerts: AlertBooks
  readonly codes: Map<string, CodeRecord>
  readonly codesByHash: Map<string, string>
  /** Who invited each account. */
  readonly invited: Map<string, string>
  /** Chains by their names, so that each has one `Resale` while it stays as it is. */
  readonly resales: Map<string, Resale>
  overrun: MicroCredits
  /** The segment that entries go to now; 0 where books are not written, but replayed. */
  segment: number
}

export type RefundState = {
  readonly request: string
  readonly account: string
  readonly paid: MicroCredits
  refunded: MicroCredits
  /** Those above the account, and what each of them had paid. */
  readonly levels?: readonly Readonly<{ account: string; paid: MicroCredits }>[]
}

export const emptyBooks = (): Books => ({
  accounts: new Map(),
  keysByHash: new Map(),
  keysById: new Map(),
  users: new Map(),
  endedSessions: new Map(),
  holds: new PassingMap(),
  prices: new Map(),
  refunds: new Map(),
  repeats: new Map(),
  switchedOff: new Map(),
  alerts: emptyAlerts(),
  codes: new Map(),
  codesByHash: new Map(),
  invited: new Map(),
  resales: new Map(),
  overrun: ZERO,
  segment: 0,
})

/** An entry that contradicts the books: found in replay, it means that the journal lies. */
export class Contradiction extends Error {
  override readonly name = 'Contradiction'
}

/** Applies an entry read from the journal: recomputes what it claims by the same rules, and compares. */
export function replay(books: Books, entry: BookedEntry): void {
  if (entry.kind === 'transfer') replayTransfer(books, entry)
  if (entry.kind === 'account') checkPlace(books, entry)
  if ('levels' in entry) replayLevels(books, entry)
  const credit = creditAfter(books, entry)
  if (credit !== undefined && 'balance' in entry && !agrees(entry, credit)) {
    throw new Contradiction(
      `${entry.kind} of ${entry.ref} leaves ${entry.account} with ${entry.balance} (${entry.held} held), ` +
        `but the entries before it give ${credit.balance} (${credit.held} held)`,
    )
  }
  post(books, entry, credit)
}

const agrees = (entry: { balance: Amount; held: Amount }, credit: Credit): boolean =>
  amountIn(entry.balance) === credit.balance && amountIn(entry.held) === credit.held

/** The account's credit after an entry, by the entries before it; undefined for kinds that move none. */
function creditAfter(books: Books, entry: BookedEntry): Credit | undefined {
  switch (entry.kind) {
    case 'credit':
    case 'debit':
    case 'adjust':
    case 'refund':
      return correctedCredit(books, entry)
    case 'hold': {
      if (books.holds.has(entry.ref)) throw new Contradiction(`hold ${entry.ref} exists already`)
      const held = placeHold(accountOf(books, entry.account).credit, amountOf(entry))
      if (held === undefined) throw new Contradiction(`hold ${entry.ref} exceeds the free credit`)
      return held
    }
    case 'settle':
    case 'release':
    case 'expire': {
      const hold = holdOf(books, entry.ref)
      const { balance, held } = accountOf(books, entry.account).credit
      const charged = entry.kind === 'settle' ? amountOf(entry) : ZERO
      return { balance: minus(balance, charged), held: minus(held, hold.amount) }
    }
    case 'open':
    case 'seal':
    case 'price':
    case 'account':
    case 'key':
    case 'key-changed':
    case 'key-revoked':
    case 'switch':
    case 'webhook':
    case 'webhook-removed':
    case 'alert':
    case 'alert-sent':
    case 'code':
    case 'code-revoked':
    case 'user':
    case 'user-removed':
    case 'session-ended':
    case 'session-begun':
    case 'config-reloaded':
    case 'webhook-tested':
    case 'progress':
    case 'overrun':
    case 'transfer':
      return undefined
  }
}

/** Applies an entry whose resulting credit is known. Live, the rules computed it; in replay, `creditAfter` did. */
export function post(books: Books, entry: BookedEntry, credit: Credit | undefined): void {
  if (credit !== undefined && 'account' in entry) {
    moveCredit(books, entry.account, credit)
    if ('levels' in entry) moveLevels(books, entry)
  }
  switch (entry.kind) {
    case 'account':
    case 'key':
    case 'key-changed':
    case 'key-revoked':
    case 'user':
    case 'user-removed':
    case 'session-ended':
      return postRegister(books, entry)
    case 'switch':
      return postSwitch(books, entry)
    case 'code':
    case 'code-revoked':
      return postCode(books, entry)
    case 'webhook':
    case 'webhook-removed':
    case 'alert':
    case 'alert-sent':
      return postAlert(books.alerts, entry)
    case 'price':
      return postPrice(books, entry)
    case 'hold':
    case 'progress':
    case 'settle':
    case 'release':
    case 'expire':
      return postHold(books, entry)
    case 'overrun':
      books.overrun = plus(books.overrun, amountOf(entry))
      return
    case 'credit':
    case 'debit':
    case 'adjust':
    case 'refund':
    case 'transfer':
      return postCorrection(books, entry)
    case 'open':
    case 'seal':
    case 'session-begun':
    case 'config-reloaded':
    case 'webhook-tested':
      return
  }
}

type OfHold = Extract<BookedEntry, { kind: 'hold' | 'progress' | 'settle' | 'release' | 'expire' }>

function postHold({ holds }: Books, entry: OfHold): void {
  if (entry.kind === 'hold') holds.set(entry.ref, holdFrom(entry))
  else if (entry.kind !== 'progress') holds.delete(entry.ref)
  else {
    const hold = holds.get(entry.ref)
    if (hold !== undefined) hold.progress = amountIn(entry.cost)
  }
}

export function moveCredit(books: Books, id: string, credit: Credit): void {
  const account = accountOf(books, id)
  account.credit = credit
  account.movedIn = books.segment
}

function postPrice(books: Books, { version, scale, rates, request }: PriceEntry): void {
  books.prices.set(version, { version, scale, rates, request })
}

export const amountOf = (entry: { amount: Amount }): MicroCredits => amountIn(entry.amount)

export function accountOf(books: Books, id: string): AccountState {
  const account = books.accounts.get(id)
  if (account === undefined) throw new Contradiction(`names the unknown account ${id}`)
  return account
}

function holdOf(books: Books, id: string): OpenHold {
  const hold = books.holds.get(id)
  if (hold === undefined) throw new Contradiction(`ends the hold ${id}, which is not open`)
  return hold
}
