import { ACT_KINDS } from './act.ts'
import type { Entry } from './entry.ts'

/** What operators do to the books and beside them, as opposed to what requests do. */
export const TRAIL_KINDS = [
  ...(['account', 'key', 'key-changed', 'key-revoked', 'switch'] as const),
  ...(['user', 'user-removed', 'session-ended'] as const),
  ...ACT_KINDS,
  ...(['code', 'code-revoked', 'webhook', 'webhook-removed'] as const),
  ...(['credit', 'debit', 'refund', 'transfer', 'adjust'] as const),
]
export type TrailKind = (typeof TRAIL_KINDS)[number]
export type TrailEntry = Extract<Entry, { kind: TrailKind }>

export type TrailQuery = Readonly<{
  account?: string
  kind?: TrailKind
  by?: string
  /** Only what stands before this seq. */
  before: number
  limit: number
}>

/** Newest first. */
export type TrailPage = Readonly<{
  rows: readonly Readonly<{ seq: number; entry: TrailEntry }>[]
  hasMore: boolean
}>

export const isTrailKind = (kind: unknown): kind is TrailKind =>
  TRAIL_KINDS.some((one) => one === kind)

export function isAskedFor(entry: TrailEntry, { account, kind, by }: TrailQuery): boolean {
  if (kind !== undefined && entry.kind !== kind) return false
  if (by !== undefined && entry.by !== by) return false
  return account === undefined || accountsOf(entry).includes(account)
}

/** The accounts that an entry is about. */
function accountsOf(entry: TrailEntry): readonly string[] {
  if (entry.kind === 'transfer') return entry.legs.map(({ account }) => account)
  return 'account' in entry ? [entry.account] : []
}
