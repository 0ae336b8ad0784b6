import type { Acted } from './entry.ts'
import type { Limits } from './limit.ts'
import type { Role } from './role.ts'

// The entries about accounts, keys, users and sessions: who may spend, and under which rules. None of them moves credit.

export type RegisterEntry =
  | AccountEntry
  | KeyEntry
  | KeyChangedEntry
  | KeyRevokedEntry
  | UserEntry
  | UserRemovedEntry
  | SessionEndedEntry

/** Whose word it is, where the operator's binds the reseller right above. Entries of older versions do not tell. */
type Said = { readonly word?: 'operator' | 'reseller' }

/** Absent leaves it as it is. */
export type AccountSettings = Said & {
  /** By whose days its usage is shown; at first UTC. */
  readonly timeZone?: string
  /** In place of its tier's, each by itself. */
  readonly limits?: Limits
  /** Nothing is spent from it until it is enabled again. */
  readonly isDisabled?: boolean
  /** For operators alone. */
  readonly note?: string
  /** Below so many micro-credits it is low on credit; `0` is never. */
  readonly lowCredit?: string
}

/** Where an account stands in a chain of resellers; absent leaves it where it is. */
export type PlaceSettings = Said & {
  /** Whose sub-account it is, and at which markup on that one's price; empty: of none any more. */
  readonly parent?: string
  readonly markup?: string
  /** How many sub-accounts it may have below it, at all levels. */
  readonly subAccountsMax?: number
  /** The most that it may use up as a sub-account, in all; empty: no such limit. */
  readonly cap?: string
}

export type AccountEntry = Acted &
  AccountSettings &
  PlaceSettings & {
    readonly kind: 'account'
    readonly account: string
    readonly tier: string
  }

type KeySettings = {
  readonly expiresAt?: number
  readonly models?: readonly string[]
  readonly limits?: Limits
  /** Words of the operator's own, to find keys by. */
  readonly tags?: readonly string[]
}

export type KeyEntry = Acted &
  KeySettings & {
    readonly kind: 'key'
    readonly account: string
    readonly ref: string
    readonly hash: string
    readonly role: Role
    readonly hint: string
    readonly weak?: true
    /** The first of the keys that it came after by rotation: they have their limits together. */
    readonly line?: string
  }

/** Absent leaves it as it is; an end of 0 is none, and no models are all of them. */
export type KeyChange = KeySettings

export type KeyChangedEntry = Acted &
  KeyChange & {
    readonly kind: 'key-changed'
    readonly account: string
    readonly ref: string
  }

type KeyRevokedEntry = Acted & {
  readonly kind: 'key-revoked'
  readonly account: string
  readonly ref: string
}

/** A user is made, or changed: the last entry of a name is what it is. */
export type UserEntry = Acted & {
  readonly kind: 'user'
  readonly account: string
  /** The name. */
  readonly ref: string
  readonly role: Role
  readonly password: string
}

type UserRemovedEntry = Acted & {
  readonly kind: 'user-removed'
  readonly account: string
  readonly ref: string
}

/** Somebody signed out: the session is void, though its token says that it lasts until then. */
export type SessionEndedEntry = Acted & {
  readonly kind: 'session-ended'
  readonly account: string
  readonly ref: string
  readonly until: number
}
