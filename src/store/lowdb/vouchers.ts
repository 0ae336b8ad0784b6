import { addCredit } from '../../domain/account.ts'
import { codeState, type CodeRecord } from '../../domain/code.ts'
import type { CorrectionEntry, Entry } from '../../domain/entry.ts'
import { micro, type MicroCredits } from '../../domain/money.ts'
import type {
  Invitation,
  InvitationRecord,
  Invited,
  NewCodes,
  Redeemed,
  Redemption,
  Vouchers,
} from '../../ports/vouchers.ts'
import { post, type Books } from '../books.ts'
import { moved } from './entries.ts'
import type { Journal } from './journal.ts'
import { skipping } from './skipping.ts'
import { storeUnavailable } from './store-unavailable.ts'

type Needs = Readonly<{
  books: Books
  journal: Pick<Journal, 'append' | 'trouble'>
  now: () => number
}>

/** Codes and invitations over the same journal as all other credit. */
export class LowdbVouchers implements Vouchers {
  readonly #books: Books
  readonly #journal: Needs['journal']
  readonly #now: () => number

  constructor({ books, journal, now }: Needs) {
    this.#books = books
    this.#journal = journal
    this.#now = now
  }

  async addCodes({ codes, amount, ...series }: NewCodes): Promise<void> {
    const at = this.#now()
    const entries = codes.map(({ id: ref, ...code }): Entry => {
      return { kind: 'code', at, ref, ...series, ...code, amount: amount.toString() }
    })
    await this.#record(entries)
  }

  codes(): IterableIterator<CodeRecord> {
    return this.#books.codes.values()
  }

  code(id: string): CodeRecord | undefined {
    return this.#books.codes.get(id)
  }

  async revokeCode(ref: string, by: string): Promise<void> {
    await this.#record([{ kind: 'code-revoked', at: this.#now(), ref, by }])
  }

  async redeem({ id, hash, account, by }: Redemption): Promise<Redeemed> {
    const code = this.#books.codes.get(this.#books.codesByHash.get(hash) ?? '')
    if (code === undefined) return { kind: 'unknown' }
    const state = codeState(code, this.#now())
    if (state !== 'open') return { kind: state === 'redeemed' ? 'used' : state }
    if (!this.#isPlain(account)) return { kind: 'not_for_you' }
    const act = { id, by, reason: 'a code was redeemed', code: code.id }
    const entry = this.#credit(account, micro(BigInt(code.amount)), act)
    if (entry === undefined) return { kind: 'out_of_range' }
    await this.#record([entry])
    return { kind: 'redeemed', entry }
  }

  async invite({ invited, inviter, bonus, ids, by }: Invitation): Promise<Invited> {
    const { books } = { books: this.#books }
    if (invited === inviter) return { kind: 'oneself' }
    if (!books.accounts.has(inviter)) return { kind: 'unknown' }
    if (books.invited.has(invited)) return { kind: 'again' }
    if (this.#invitedBy(inviter).includes(invited)) return { kind: 'circle' }
    if (!this.#isPlain(invited) || !this.#isPlain(inviter)) return { kind: 'not_for_you' }
    const reason = 'an invitation'
    const own = { id: ids[0], by, reason, invitedBy: inviter }
    const theirs = { id: ids[1], by, reason, invited }
    const entries = [
      this.#credit(invited, bonus.invited, own),
      this.#credit(inviter, bonus.inviter, theirs),
    ]
    const [first, second] = entries
    if (first === undefined || second === undefined) return { kind: 'out_of_range' }
    await this.#record([first, second])
    return { kind: 'invited', entry: first }
  }

  *invitations(from: number): Generator<InvitationRecord, undefined> {
    for (const [account, inviter] of skipping(this.#books.invited, from)) yield { account, inviter }
  }

  inviterOf(account: string): string | undefined {
    return this.#books.invited.get(account)
  }

  /** Credit of the operator's is not for those who buy of a reseller. */
  #isPlain(account: string): boolean {
    const found = this.#books.accounts.get(account)
    return found !== undefined && found.parent === undefined
  }

  #invitedBy(account: string): readonly string[] {
    const chain: string[] = []
    for (let one = this.#books.invited.get(account); one !== undefined;) {
      chain.push(one)
      one = this.#books.invited.get(one)
    }
    return chain
  }

  #credit(account: string, amount: MicroCredits, act: Act): CorrectionEntry | undefined {
    const before = this.#books.accounts.get(account)?.credit
    const credit = before && addCredit(before, amount)
    if (credit === undefined) return undefined
    const { id: ref, ...why } = act
    return { kind: 'credit', at: this.#now(), account, ref, ...moved(amount, credit), ...why }
  }

  /** In one step, so that they reach the disk together. */
  async #record(entries: readonly Entry[]): Promise<void> {
    if (this.#journal.trouble !== undefined) throw storeUnavailable(this.#journal.trouble)
    const landed = entries.map((entry) => {
      post(this.#books, entry, creditIn(entry))
      return this.#journal.append(entry).landed.promise
    })
    await Promise.all(landed)
  }
}

type Act = Readonly<{
  id: string
  by: string
  reason: string
  code?: string
  invitedBy?: string
  invited?: string
}>

function creditIn(entry: Entry) {
  if (entry.kind !== 'credit') return undefined
  return { balance: micro(BigInt(entry.balance)), held: micro(BigInt(entry.held)) }
}
