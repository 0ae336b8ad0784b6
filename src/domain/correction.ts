import type { CorrectionEntry } from './entry.ts'
import type { MicroCredits } from './money.ts'

/** What an operator wants done to credit. */
export type Correction =
  | BalanceCorrection
  /** Without an amount, all that is left of the charge. */
  | Readonly<{ kind: 'refund'; request: string; amount: MicroCredits | undefined }>
  | TransferCorrection

export type BalanceCorrection = Readonly<{
  kind: 'credit' | 'debit' | 'adjust'
  account: string
  /** Above zero, except that an `adjust` may go either way. */
  amount: MicroCredits
}>

export type TransferCorrection = Readonly<{
  kind: 'transfer'
  from: string
  to: string
  amount: MicroCredits
}>

export type CorrectionKind = CorrectionEntry['kind']

/** All that makes two calls the same, however their amounts were written; as text, to be hashed and compared. */
export function sameness(correction: Correction, reason: string): string {
  const { kind, amount } = correction
  const whose =
    kind === 'refund'
      ? [correction.request]
      : kind === 'transfer'
        ? [correction.from, correction.to]
        : [correction.account]
  return JSON.stringify([kind, ...whose, amount?.toString() ?? 'all', reason])
}

/** Each actor has idempotency keys of its own: what one of them chose tells another nothing. Neither part has a space. */
export const callName = (by: string | undefined, key: string): string => `${by ?? ''} ${key}`

/** How long a call can be repeated under its idempotency key, by the times of the entries. */
export const REPEAT_MS = 24 * 3_600_000
/** Beyond it the oldest key is forgotten first. */
export const REPEATS_MAX = 50_000
