import type { Act as Deed } from '../domain/act.ts'
import type { Credit } from '../domain/account.ts'
import type { Correction } from '../domain/correction.ts'
import type { AttemptRecord, CorrectionEntry } from '../domain/entry.ts'
import type { KeyRecord } from '../domain/key.ts'
import type { Limits } from '../domain/limit.ts'
import type { MicroCredits } from '../domain/money.ts'
import type { Outcome } from '../domain/outcome.ts'
import type { Price } from '../domain/price.ts'
import type { AccountSettings, KeyChange } from '../domain/register.ts'
import type { Misplaced, Resale } from '../domain/reseller.ts'
import type { Usage } from '../domain/usage.ts'
import type { UserRecord } from '../domain/user.ts'

export type AccountView = Readonly<{
  account: string
  tier: string
  timeZone: string
  /** Its own, in place of its tier's. */
  limits: Limits
  credit: Credit
  createdAt: number
  isDisabled: boolean
  /** Who of the operators did that; in older books a reseller's key, too. Empty where none of them did. */
  disabledBy: string
  note: string
  /** Below it the account is low on credit; zero is never. */
  lowCredit: MicroCredits
  /** Of a sub-account, or of one that may have some. */
  reselling?: ResellingView
}>

export type ResellingView = Readonly<{
  parent: string | undefined
  markup: string
  subAccountsMax: number
  cap: MicroCredits | undefined
  /** What the operator set it to last: its reseller sets none above it. */
  capMax?: MicroCredits
  used: MicroCredits
}>

export type HoldRequest = Readonly<{
  id: string
  account: string
  key: string
  model: string
  price: Price
  amount: MicroCredits
  inputCost: MicroCredits
  /** The caller's own limit on the charge: what the request costs beyond it is the operator's. */
  most?: MicroCredits | undefined
  /** How the price came about, where the account is a sub-account. */
  resale?: Resale | undefined
}>

/**
 * Not held: `credit` is what stood against it, so that the caller can ask for less, or say why not. Of a sub-account that
 * is what the whole chain can pay, in its own terms; `isAbove` where it is not its own credit that runs short.
 */
export type HoldAnswer = { kind: 'held' } | { kind: 'short'; credit: Credit; isAbove?: boolean }

export type Charge = Readonly<{
  id: string
  cost: MicroCredits
  /** Who bears the cost; the operator for answers that a provider cut short. */
  payer: 'account' | 'operator'
  outcome: Outcome
  usage: Usage
  price: Price
  model: string
  deployment: string | undefined
  isEstimated: boolean
  isStream: boolean
  attempts: readonly AttemptRecord[]
  startedAt: number
  firstByteMs: number | undefined
  totalMs: number
}>

export type SettleAnswer =
  | {
      kind: 'settled'
      charged: MicroCredits
      balance: MicroCredits
      /** Of a sub-account: what each account of its chain paid, its own first. */
      charges?: readonly MicroCredits[]
    }
  /** The hold has ended already: settled by another path, or expired. Nothing was charged now. */
  | { kind: 'hold_missing' }

/** A hold that a run of the program left behind when it died. */
export type OrphanHold = Readonly<{
  id: string
  account: string
  amount: MicroCredits
  inputCost: MicroCredits
  /** The last recorded cost; undefined when the request never went out. */
  progress: MicroCredits | undefined
}>

/** A request whose hold is open, as an account of its chain or its key sees it. */
export type InFlight = Readonly<{
  id: string
  /** What they may pay for it, at most. */
  amount: MicroCredits
  /** Tells what they have paid in the end: nothing, or what is durable by now. */
  whenEnded: (listener: (paid: MicroCredits) => void) => void
}>

/** What was agreed with an account. */
export type AccountTerms = Readonly<{
  tier: string
  timeZone?: string
  limits?: Limits
  /** Of a sub-account. */
  parent?: string
}>

/** The money of the house. Every promise here resolves when its entry is durable. */
export interface Ledger {
  account(id: string): AccountView | undefined
  /** As it is now, without a copy: asked for each request. */
  terms(account: string): AccountTerms | undefined
  /** How a sub-account's prices come about; undefined for accounts that pay the operator's. */
  resale(account: string): Resale | undefined
  hold(request: HoldRequest): Promise<HoldAnswer>
  settle(charge: Charge): Promise<SettleAnswer>
  /** Ends a hold without a charge; a hold that has ended already stays as it is. */
  release(id: string, why: { outcome: Outcome; attempts: readonly AttemptRecord[] }): Promise<void>
  /** Notes that a request went out, and later how much of it was delivered. Made durable soon, not now. */
  progress(id: string, cost: MicroCredits): void
  /** Of a key, or of an account with all accounts below it. */
  inFlight(of: 'account' | 'key', id: string): readonly InFlight[]
  /** Resolves when all that has ended by now is durable; throws where there is no room for it at the moment. */
  landed(): Promise<void>
  orphans(): readonly OrphanHold[]
  /** Ends an orphan: charged with a cost, or released without one. */
  endOrphan(id: string, cost: MicroCredits | undefined): Promise<void>
}

export type NewAccount = AccountSettings & Readonly<{ id: string; tier: string; by?: string }>
export type AccountChange = AccountSettings & Readonly<{ tier?: string }>

export type NewUser = Pick<UserRecord, 'name' | 'account' | 'role' | 'password'> &
  Readonly<{ by?: string }>
export type EndedSession = Readonly<{ id: string; account: string; until: number; by: string }>

export type NewKey = Omit<KeyRecord, 'createdAt' | 'revokedAt'> & Readonly<{ by?: string }>

/** Who does it and why, under an id of ours; repeated under the same idempotency key it is done once. */
export type Act = Readonly<{
  id: string
  by: string
  reason: string
  idempotencyKey?: string
}>

export type Booking =
  /** A repeat answers with the entry that the first call made. */
  { kind: 'booked'; entry: CorrectionEntry; isRepeat: boolean } | BookingRefusal

/** A refund that is on the disk: what its accounts got back, the one that asked first, and by whose key and when they had paid it. */
export type Refunded = Readonly<{
  shares: readonly Readonly<{ account: string; amount: MicroCredits }>[]
  key: string
  chargedAt: number
}>

/** Why nothing was booked. */
export type BookingRefusal =
  | { kind: 'unknown_account'; account: string }
  | { kind: 'unknown_request' }
  /** The idempotency key was used for something else. */
  | { kind: 'other_call' }
  | { kind: 'short'; account: string; credit: Credit }
  /** Two accounts that do not have the same one above them: the credit of one is not worth what that of the other is. */
  | { kind: 'other_chain'; from: string; to: string }
  | { kind: 'above_paid'; paid: MicroCredits; left: MicroCredits }
  /** The balance would leave the range that is counted. */
  | { kind: 'out_of_range'; account: string }

/** What is changed of an account as part of a chain; what is left out stays as it is. */
export type Placing = Readonly<{
  /** Empty: it is nobody's sub-account any more. */
  parent?: string
  markup?: string
  subAccountsMax?: number
  /** Null: no such limit. */
  cap?: MicroCredits | null
  /** Whose word that is: no reseller sets a cap above the operator's. */
  word?: 'operator' | 'reseller'
}>

export type NewSubAccount = Readonly<{
  id: string
  parent: string
  markup: string
  tier: string
  subAccountsMax: number
  by: string
}>

/** Why an account was left where it is: its credit is a claim on whoever stood above it. */
export type PlacingRefusal = 'unknown_account' | 'open_holds' | 'has_credit' | Misplaced

/** What operators do to the books: each call is one step that is durable when its promise resolves. */
export interface Registry {
  openAccount(account: NewAccount): Promise<void>
  /** Begun in one step, like all of these: undefined once it is durable. */
  openSubAccount(account: NewSubAccount): Promise<PlacingRefusal | 'exists' | undefined>
  /** Changes what is named, and leaves the rest. */
  setAccount(id: string, change: AccountChange, by?: string): Promise<void>
  /** Undefined once it is durable. */
  place(account: string, placing: Placing, by: string): Promise<PlacingRefusal | undefined>
  /** The accounts right below another. */
  subAccounts(account: string): readonly AccountView[]
  /** How many accounts are below it at all levels. */
  countBelow(account: string): number
  addKey(key: NewKey): Promise<void>
  changeKey(id: string, change: KeyChange, by?: string): Promise<void>
  revokeKey(id: string, by?: string): Promise<void>
  /** Makes a user, or changes one: their sessions are over then. */
  setUser(user: NewUser): Promise<void>
  removeUser(name: string, by?: string): Promise<void>
  /** A session whose token is not good any more, though it says that it lasts until then. */
  endSession(session: EndedSession): Promise<void>
  /** Something was done that leaves the books as they are. A full disk keeps nobody from it: it lands when it can. */
  note(deed: Deed): Promise<void>
  /** Moves credit by one new entry, or says why not. */
  book(correction: Correction, act: Act): Promise<Booking>
  /** Told of every refund, but of those whose charge was moved away with its segment. */
  onRefunded(listener: (refund: Refunded) => void): void
  adminKeys(): readonly KeyRecord[]
  account(id: string): AccountView | undefined
  /** In the order of their making, from the one with this number on; and so the keys. */
  accounts(from: number): IterableIterator<AccountView>
  keys(from: number): IterableIterator<KeyRecord>
  user(name: string): UserRecord | undefined
  users(): readonly UserRecord[]
  hasEnded(session: string): boolean
}
