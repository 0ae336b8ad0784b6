import { createHash } from 'node:crypto'
import type { Act as Deed } from '../../domain/act.ts'
import { callName, REPEAT_MS, sameness, type Correction } from '../../domain/correction.ts'
import type { CorrectionEntry, Entry, Idempotency } from '../../domain/entry.ts'
import type { KeyRecord } from '../../domain/key.ts'
import { isStaff } from '../../domain/role.ts'
import type { UserRecord } from '../../domain/user.ts'
import type { KeyChange } from '../../domain/register.ts'
import type {
  AccountChange,
  AccountView,
  Act,
  Booking,
  EndedSession,
  NewAccount,
  NewKey,
  NewSubAccount,
  NewUser,
  Placing,
  PlacingRefusal,
  Refunded,
  Registry,
} from '../../ports/ledger.ts'
import { accountView } from '../account-view.ts'
import { belowOf, misplacedIn } from '../placing.ts'
import { post, type Books } from '../books.ts'
import { decideCorrection } from './decide-correction.ts'
import { decidePlacing } from './decide-placing.ts'
import type { Batch } from './batch.ts'
import type { Journal } from './journal.ts'
import { Refunds, type RefundNeeds } from './refunds.ts'
import { skipping } from './skipping.ts'
import { storeUnavailable } from './store-unavailable.ts'

/** What operators do to the books, over the same journal as the requests. */
export class LowdbRegistry implements Registry {
  readonly #books: Books
  readonly #journal: RegistryNeeds['journal']
  readonly #now: () => number
  /** Corrections that are in memory and not yet on the disk, by the name of their call: a repeat waits for them. */
  readonly #landing = new Map<string, Batch>()
  readonly #refunds: Refunds

  constructor({ books, journal, now, usage }: RegistryNeeds) {
    this.#books = books
    this.#journal = journal
    this.#now = now
    this.#refunds = new Refunds({ books, usage })
  }

  account(id: string): AccountView | undefined {
    return accountView(this.#books, id)
  }

  *accounts(from: number): IterableIterator<AccountView> {
    for (const { id } of skipping(this.#books.accounts.values(), from)) {
      const view = accountView(this.#books, id)
      if (view !== undefined) yield view
    }
  }

  keys(from: number): IterableIterator<KeyRecord> {
    return skipping(this.#books.keysById.values(), from)
  }

  user(name: string): UserRecord | undefined {
    return this.#books.users.get(name)
  }

  users(): readonly UserRecord[] {
    return [...this.#books.users.values()]
  }

  hasEnded(session: string): boolean {
    return this.#books.endedSessions.has(session)
  }

  async openAccount({ id: account, ...more }: NewAccount): Promise<void> {
    await this.#record({ kind: 'account', at: this.#now(), account, ...more })
  }

  async setAccount(account: string, change: AccountChange, by?: string): Promise<void> {
    const known = this.#books.accounts.get(account)
    if (known === undefined) throw new Error(`no account ${account}`)
    const { tier = known.tier, ...settings } = change
    const head = { kind: 'account', at: this.#now(), account, tier } as const
    await this.#record({ ...head, ...settings, ...actor(by) })
  }

  async openSubAccount({ id: account, ...sub }: NewSubAccount) {
    if (this.#books.accounts.has(account)) return 'exists'
    const problem = misplacedIn(this.#books, account, sub.parent)
    if (problem !== undefined) return problem
    await this.#record({ kind: 'account', at: this.#now(), account, ...sub })
    return undefined
  }

  async place(account: string, placing: Placing, by: string): Promise<PlacingRefusal | undefined> {
    const decided = decidePlacing(this.#books, account, placing)
    if (typeof decided === 'string') return decided
    await this.#record({ ...decided, at: this.#now(), by })
    return undefined
  }

  subAccounts(account: string): readonly AccountView[] {
    const ids = [...belowOf(this.#books, account)].filter(([, depth]) => depth === 1)
    return ids.flatMap(([id]) => accountView(this.#books, id) ?? [])
  }

  countBelow(account: string): number {
    return [...belowOf(this.#books, account)].length
  }

  async addKey({ id: ref, ...key }: NewKey): Promise<void> {
    await this.#record({ kind: 'key', at: this.#now(), ref, ...key })
  }

  async changeKey(id: string, change: KeyChange, by?: string): Promise<void> {
    const account = this.#books.keysById.get(id)?.account
    if (account === undefined) throw new Error(`no key ${id}`)
    const head = { kind: 'key-changed', at: this.#now(), account, ref: id } as const
    await this.#record({ ...head, ...change, ...actor(by) })
  }

  async revokeKey(id: string, by?: string): Promise<void> {
    const key = this.#books.keysById.get(id)
    if (key === undefined || key.revokedAt !== undefined) return
    const head = { kind: 'key-revoked', at: this.#now(), account: key.account, ref: id } as const
    await this.#record({ ...head, ...actor(by) })
  }

  async setUser({ name: ref, ...user }: NewUser): Promise<void> {
    await this.#record({ kind: 'user', at: this.#now(), ref, ...user })
  }

  async removeUser(name: string, by?: string): Promise<void> {
    const account = this.#books.users.get(name)?.account
    if (account === undefined) return
    const head = { kind: 'user-removed', at: this.#now(), account, ref: name } as const
    await this.#record({ ...head, ...actor(by) })
  }

  async endSession({ id: ref, ...session }: EndedSession): Promise<void> {
    if (this.hasEnded(ref)) return
    await this.#record({ kind: 'session-ended', at: this.#now(), ref, ...session })
  }

  async note(deed: Deed): Promise<void> {
    await this.#journal.append({ ...deed, at: this.#now() }).firstTry.promise
  }

  async book(correction: Correction, act: Act): Promise<Booking> {
    const call = callOf(correction, act)
    const name = call && callName(act.by, call.key)
    const paid =
      correction.kind === 'refund' ? await this.#refunds.paidFor(correction.request) : undefined
    // From here on in one step: the same call may have come again while the charge was looked for.
    const at = this.#now()
    const made = this.#madeBefore(name, at)
    if (made !== undefined) return this.#repeat(made, call)
    if (call !== undefined && this.#journal.trouble !== undefined)
      throw storeUnavailable(this.#journal.trouble)
    const { id: ref, by, reason } = act
    const head = { at, ref, by, reason, ...(call && { idempotency: call }) }
    const decided = decideCorrection(this.#books, { correction, head, ...(paid && { paid }) })
    if (decided.kind !== 'entry') return decided
    post(this.#books, decided.entry, decided.credit)
    const batch = this.#journal.append(decided.entry)
    if (decided.entry.kind === 'refund') void this.#refunds.tell(batch, decided.entry, paid?.charge)
    if (name === undefined) await batch.landed.promise
    else {
      void this.#noteLanding(name, batch)
      await this.#landed(batch)
    }
    return { kind: 'booked', entry: decided.entry, isRepeat: false }
  }

  onRefunded(listener: (refund: Refunded) => void): void {
    this.#refunds.onRefunded(listener)
  }

  adminKeys(): readonly KeyRecord[] {
    return [...this.#books.keysById.values()].filter(({ role }) => isStaff(role))
  }

  /** The entry that was made under the call's key; undefined when this is the first call. */
  #madeBefore(name: string | undefined, at: number): CorrectionEntry | undefined {
    const entry = this.#books.repeats.get(name ?? '')
    return entry !== undefined && entry.at > at - REPEAT_MS ? entry : undefined
  }

  async #repeat(entry: CorrectionEntry, call: Idempotency | undefined): Promise<Booking> {
    if (entry.idempotency?.fingerprint !== call?.fingerprint) return { kind: 'other_call' }
    await this.#landed(this.#landing.get(callName(entry.by, call?.key ?? '')))
    return { kind: 'booked', entry, isRepeat: true }
  }

  async #noteLanding(call: string, batch: Batch): Promise<void> {
    this.#landing.set(call, batch)
    await batch.landed.promise
    this.#landing.delete(call)
  }

  /** What the disk did not take at once lands when it can. Who can repeat the call is not made to wait for that. */
  async #landed(batch: Batch | undefined): Promise<void> {
    if ((await batch?.firstTry.promise) === 'failed') throw storeUnavailable(this.#journal.trouble)
  }

  async #record(entry: Entry): Promise<void> {
    post(this.#books, entry, undefined)
    await this.#journal.append(entry).landed.promise
  }
}

export type RegistryNeeds = Readonly<{
  books: Books
  journal: Pick<Journal, 'append' | 'trouble'>
  now: () => number
  usage: RefundNeeds['usage']
}>

const actor = (by: string | undefined) => (by === undefined ? {} : { by })

function callOf(correction: Correction, { idempotencyKey: key, reason }: Act) {
  if (key === undefined) return undefined
  const fingerprint = createHash('sha256').update(sameness(correction, reason)).digest('hex')
  return { key, fingerprint }
}
