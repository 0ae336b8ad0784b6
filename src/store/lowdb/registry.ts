import { addCredit } from '../../domain/account.ts'
import type { Entry } from '../../domain/entry.ts'
import type { KeyRecord } from '../../domain/key.ts'
import type { AccountView, NewKey, Registry } from '../../ports/ledger.ts'
import { accountView, post, type Books } from '../books.ts'
import { moved } from './entries.ts'
import type { Journal } from './journal.ts'

/** What operators do to the books, over the same journal as the requests. */
export class LowdbRegistry implements Registry {
  readonly #books: Books
  readonly #journal: Pick<Journal, 'append'>
  readonly #now: () => number

  constructor(books: Books, journal: Pick<Journal, 'append'>, now: () => number) {
    this.#books = books
    this.#journal = journal
    this.#now = now
  }

  account(id: string): AccountView | undefined {
    return accountView(this.#books, id)
  }

  async openAccount({ id, tier }: { id: string; tier: string }): Promise<void> {
    await this.#record({ kind: 'account', at: this.#now(), account: id, tier })
  }

  async setTier(account: string, tier: string): Promise<void> {
    await this.#record({ kind: 'account', at: this.#now(), account, tier })
  }

  async setTimeZone(account: string, timeZone: string): Promise<void> {
    const known = this.#books.accounts.get(account)
    if (known === undefined) throw new Error(`no account ${account}`)
    const { tier } = known
    await this.#record({ kind: 'account', at: this.#now(), account, tier, timeZone })
  }

  async addKey({ id: ref, ...key }: NewKey): Promise<void> {
    await this.#record({ kind: 'key', at: this.#now(), ref, ...key })
  }

  async revokeKey(id: string): Promise<void> {
    const key = this.#books.keysById.get(id)
    if (key === undefined || key.revokedAt !== undefined) return
    await this.#record({ kind: 'key-revoked', at: this.#now(), account: key.account, ref: id })
  }

  async credit({
    id: ref,
    account,
    amount,
    reason,
  }: Parameters<Registry['credit']>[0]): Promise<void> {
    const found = this.#books.accounts.get(account)
    if (found === undefined) throw new Error(`no account ${account}`)
    const credit = addCredit(found.credit, amount)
    const entry = {
      kind: 'credit',
      at: this.#now(),
      account,
      ref,
      ...moved(amount, credit),
      reason,
    } as const
    post(this.#books, entry, credit)
    await this.#journal.append(entry).landed.promise
  }

  adminKeys(): readonly KeyRecord[] {
    return [...this.#books.keysById.values()].filter(({ role }) => role === 'admin')
  }

  async #record(entry: Entry): Promise<void> {
    post(this.#books, entry, undefined)
    await this.#journal.append(entry).landed.promise
  }
}
