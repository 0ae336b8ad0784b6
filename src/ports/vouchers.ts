import type { CodeRecord, InvitationBonus } from '../domain/code.ts'
import type { CorrectionEntry } from '../domain/entry.ts'
import type { MicroCredits } from '../domain/money.ts'

export type NewCodes = Readonly<{
  series: string
  codes: readonly Readonly<{ id: string; hash: string; hint: string }>[]
  amount: MicroCredits
  expiresAt?: number
  note?: string
  by: string
}>

export type Redemption = Readonly<{ id: string; hash: string; account: string; by: string }>
export type Redeemed =
  | { kind: 'redeemed'; entry: CorrectionEntry }
  | { kind: 'unknown' | 'used' | 'revoked' | 'expired' | 'not_for_you' | 'out_of_range' }

export type Invitation = Readonly<{
  invited: string
  inviter: string
  bonus: InvitationBonus
  ids: readonly [invited: string, inviter: string]
  by: string
}>
export type InvitationRecord = Readonly<{ account: string; inviter: string }>
export type Invited =
  | { kind: 'invited'; entry: CorrectionEntry }
  | { kind: 'unknown' | 'again' | 'oneself' | 'circle' | 'not_for_you' | 'out_of_range' }

/** Credit that is given for a word: codes, and invitations. Every promise resolves when it is durable. */
export interface Vouchers {
  addCodes(codes: NewCodes): Promise<void>
  /** In the order of their making. */
  codes(): IterableIterator<CodeRecord>
  code(id: string): CodeRecord | undefined
  revokeCode(id: string, by: string): Promise<void>
  /** One step, so of any number at once one has it. */
  redeem(redemption: Redemption): Promise<Redeemed>
  /** Both sides' credit in one step, once for each account that was invited. */
  invite(invitation: Invitation): Promise<Invited>
  /** Who invited whom, in the order of their accepting, from the one with this number on. */
  invitations(from: number): IterableIterator<InvitationRecord>
  inviterOf(account: string): string | undefined
}
