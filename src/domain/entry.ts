import type { ActEntry } from './act.ts'
import type { AlertEntry, AlertSentEntry, WebhookEntry, WebhookRemovedEntry } from './alert.ts'
import type { CodeEntry, CodeRevokedEntry } from './code.ts'
import type { Outcome } from './outcome.ts'
import type { RegisterEntry } from './register.ts'
import type { Bucket } from './usage.ts'

/**
 * One fact in the ledger, exactly as it stands in the journal (which adds seq, crc and chain). Amounts are whole
 * micro-credits as decimal text. `balance` and `held` are what the account has after the entry.
 */
export type Entry =
  | OpenEntry
  | SealEntry
  | PriceEntry
  | RegisterEntry
  | SwitchEntry
  | ActEntry
  | CodeEntry
  | CodeRevokedEntry
  | WebhookEntry
  | WebhookRemovedEntry
  | AlertEntry
  | AlertSentEntry
  | CorrectionEntry
  | HoldEntry
  | ProgressEntry
  | SettleEntry
  | ReleaseEntry
  | OverrunEntry

type At = { readonly at: number }
/**
 * Who did it: a key's id, `master`, `user:NAME`, `jwt:ISSUER/SUBJECT`, `cli`, or `gateway` for itself; for what nobody asked
 * over the API, `file` or `signal`. Journals of older versions do not say.
 */
export type Acted = At & { readonly by?: string }
type Moved = At & {
  readonly account: string
  readonly ref: string
  readonly amount: string
  readonly balance: string
  readonly held: string
}

/** A segment begins, and with it sometimes a run of the program. */
type OpenEntry = At & {
  readonly kind: 'open'
  readonly format: 'tollgate-journal/1'
  readonly segment: number
  readonly run: string
  /** Chain value at the end of the segment before. */
  readonly after: string
}
/** Nothing follows in this segment. */
type SealEntry = At & { readonly kind: 'seal'; readonly segment: number }

/** The arithmetic behind a price version, so that every later charge can be recomputed. */
export type PriceEntry = At & {
  readonly kind: 'price'
  readonly version: string
  readonly scale: string
  readonly rates: Readonly<Record<Bucket, string>>
  readonly request: string
}

/** An operator takes a provider, one of its keys or a deployment out of use, or back into it. */
export type SwitchEntry = Acted & {
  readonly kind: 'switch'
  /** `provider openai`, `key openai#2` or `deployment openai/gpt-4o`. */
  readonly target: string
  readonly state: 'on' | 'off'
}

/** A later call with this key and the same fingerprint is the same call, and finds this entry instead of making another. */
export type Idempotency = { readonly key: string; readonly fingerprint: string }
type Corrected = Acted & { readonly reason: string; readonly idempotency?: Idempotency }

/** What an operator does to credit. Nothing is ever set or taken back: what was wrong is put right by a further entry. */
export type CorrectionEntry = BalanceEntry | RefundEntry | TransferEntry

/** Credit paid in, taken out, or put right; only an `adjust` has an amount with a sign. */
type BalanceEntry = Moved &
  Corrected & {
    readonly kind: 'credit' | 'debit' | 'adjust'
    /** Of a credit: the code that it was given for, or who invited the account, or whom it invited. */
    readonly code?: string
    readonly invitedBy?: string
    readonly invited?: string
  }

export type RefundEntry = Moved &
  Corrected & {
    readonly kind: 'refund'
    /** Whose charge is given back, in part or in full. */
    readonly request: string
    /** What the account had paid for it: the most that all its refunds give back. */
    readonly paid: string
    /** What each account above it gets back of what it had paid for the same request. */
    readonly levels?: readonly RefundLevel[]
  }

/** Credit that changes its account: two legs that move together and sum to zero. */
export type TransferEntry = Corrected & {
  readonly kind: 'transfer'
  readonly ref: string
  readonly amount: string
  readonly legs: readonly [TransferLeg, TransferLeg]
}

export type TransferLeg = {
  readonly account: string
  readonly amount: string
  readonly balance: string
  readonly held: string
}

/** What an entry does to an account above the one that it names: its parent first, the one at the top last. */
export type LevelMoved = {
  readonly account: string
  readonly amount: string
  readonly balance: string
  readonly held: string
}
export type RefundLevel = LevelMoved & { readonly paid: string }
/** The markup is what it pays on top of its own parent's price; the one at the top has none. */
type HoldLevel = LevelMoved & {
  readonly markup?: string | undefined
  readonly price: string
}
type SettleLevel = LevelMoved & { readonly price: string; readonly cost: string }

export type HoldEntry = Moved & {
  readonly kind: 'hold'
  readonly key: string
  readonly model: string
  readonly price: string
  /** What the prompt alone is expected to cost: the charge if the gateway dies before more is known. */
  readonly input: string
  /** What the caller will pay at the most, where they said so. Journals of older versions do not say. */
  readonly most?: string | undefined
  /** Of a sub-account: what it pays on top of its parent's price, and what those above it promise. */
  readonly markup?: string | undefined
  readonly levels?: readonly HoldLevel[]
}

/** How far a request has come, so that a killed gateway still charges what was delivered. Not awaited. */
type ProgressEntry = At & {
  readonly kind: 'progress'
  readonly account: string
  readonly ref: string
  readonly cost: string
}

export type AttemptRecord = {
  readonly deployment: string
  /** Why it did not answer; absent for the one that did. */
  readonly fault?: string
  readonly status?: number
  readonly ms: number
  /** What its provider may charge for it and no account pays: about so much is the operator's. */
  readonly cost?: string
}

/** The end of a hold in a charge, and the usage record of its request. */
export type SettleEntry = Moved & {
  readonly kind: 'settle'
  readonly key: string
  readonly model: string
  /** The model that was asked for, where another one answered. Journals of older versions do not say. */
  readonly asked?: string | undefined
  readonly outcome: Outcome
  /** What the call cost, by usage and price; `amount` is what the account paid of it. */
  readonly cost: string
  readonly price: string
  readonly usage: Readonly<Partial<Record<Bucket, number | undefined>>>
  readonly estimated?: true | undefined
  readonly stream?: true | undefined
  readonly deployment?: string | undefined
  /** Of a sub-account: what those above it pay, each at its own price. */
  readonly levels?: readonly SettleLevel[]
  readonly attempts: readonly AttemptRecord[]
  readonly startedAt: number
  readonly firstByteMs?: number | undefined
  readonly totalMs: number
}

/** The end of a hold without a charge; `amount` is the promise given back. Expired: nobody ended it in time. */
export type ReleaseEntry = Moved & {
  readonly kind: 'release' | 'expire'
  readonly outcome: Outcome
  readonly levels?: readonly LevelMoved[]
  readonly attempts: readonly AttemptRecord[]
}

/** A cost that the operator bears. */
export type OverrunEntry = At & {
  readonly kind: 'overrun'
  readonly account: string
  readonly ref: string
  readonly amount: string
  readonly reason: 'beyond_hold' | 'cut'
}
