import { settleHold, placeHold, OPERATOR, type Credit } from '../../domain/account.ts'
import type { Entry, OverrunEntry } from '../../domain/entry.ts'
import { accountDisabled, Failure } from '../../domain/failure.ts'
import { least, minus, ZERO, type MicroCredits } from '../../domain/money.ts'
import type { Resale } from '../../domain/reseller.ts'
import { NO_USAGE } from '../../domain/usage.ts'
import type {
  AccountTerms,
  AccountView,
  Charge,
  HoldAnswer,
  HoldRequest,
  InFlight,
  Ledger,
  OrphanHold,
  SettleAnswer,
} from '../../ports/ledger.ts'
import { accountView } from '../account-view.ts'
import { post, type AccountState, type Books } from '../books.ts'
import { resaleOf } from '../chains.ts'
import { mostOf, type OpenHold } from '../open-hold.ts'
import { hasLanded, type Batch } from './batch.ts'
import { decideChainHold, decideChainSettle, releasedLevels, type Charged } from './decide-chain.ts'
import { chargeEntry, holdEntry, moved, priceEntry } from './entries.ts'
import { InFlightHolds } from './in-flight.ts'
import type { Journal } from './journal.ts'
import { Progress } from './progress.ts'
import { storeUnavailable } from './store-unavailable.ts'

/**
 * The ledger over the journal: every operation decides against memory and changes it in one synchronous step, which is
 * what makes it atomic, and resolves when its entry is on the disk.
 */
export class LowdbLedger implements Ledger {
  readonly #books: Books
  readonly #journal: Pick<Journal, 'append' | 'trouble' | 'flush'>
  readonly #now: () => number
  readonly #progress: Progress
  /** Holds of runs before this one. */
  readonly #orphans: ReadonlySet<string>
  readonly #inFlight: InFlightHolds
  /** With the last entry of all. */
  #lastBatch: Batch | undefined

  constructor(
    books: Books,
    journal: Pick<Journal, 'append' | 'trouble' | 'flush'>,
    now: () => number,
  ) {
    this.#books = books
    this.#journal = journal
    this.#now = now
    this.#progress = new Progress(books, journal, now)
    this.#orphans = new Set(books.holds.keys())
    this.#inFlight = new InFlightHolds(books)
  }

  account(id: string): AccountView | undefined {
    return accountView(this.#books, id)
  }

  terms(account: string): AccountTerms | undefined {
    return this.#books.accounts.get(account)
  }

  resale(id: string): Resale | undefined {
    const account = this.#books.accounts.get(id)
    return account && resaleOf(this.#books, account)
  }

  hold(request: HoldRequest): Promise<HoldAnswer> {
    try {
      const batch = this.#place(request)
      if ('kind' in batch) return Promise.resolve(batch)
      return batch.firstTry.promise.then((tried) => {
        if (tried === 'landed') return HELD
        // Refused, so it must be given back once the disk takes entries again; nobody waits for that.
        this.#end(request.id, { outcome: 'failed', attempts: [] })
        throw storeUnavailable(this.#journal.trouble)
      })
    } catch (error) {
      return refused(error)
    }
  }

  #place(request: HoldRequest): Batch | HoldAnswer {
    if (this.#journal.trouble !== undefined) throw storeUnavailable(this.#journal.trouble)
    if (this.#books.keysById.get(request.key)?.revokedAt !== undefined) throw keyRevoked()
    const account = this.#accountOf(request.account)
    if (account.isDisabled === true) throw accountDisabled()
    return account.parent === undefined && request.resale === undefined
      ? this.#holdOne(account, request)
      : this.#holdChain(account, request)
  }

  #holdOne(account: AccountState, request: HoldRequest): Batch | HoldAnswer {
    const credit = placeHold(account.credit, request.amount)
    if (credit === undefined) return { kind: 'short', credit: account.credit }
    this.#rememberPrice(request.price)
    return this.#record(holdEntry(request, credit, this.#now()), credit)
  }

  #holdChain(account: AccountState, request: HoldRequest): Batch | HoldAnswer {
    const resale = resaleOf(this.#books, account)
    if (resale?.name !== request.resale?.name || resale === undefined) throw chainChanged()
    const decided = decideChainHold(this.#books, { request, resale, at: this.#now() })
    if (decided.kind === 'short') return decided
    for (const price of resale.pricesFor(request.price)) this.#rememberPrice(price)
    return this.#record(decided.entry, decided.credit)
  }

  settle(charge: Charge): Promise<SettleAnswer> {
    this.#rememberPrice(charge.price)
    return this.#charge(charge, charge.price.version)
  }

  async release(id: string, why: Parameters<Ledger['release']>[1]): Promise<void> {
    const batch = this.#end(id, why)
    await batch?.landed.promise
  }

  progress(id: string, cost: MicroCredits): void {
    this.#progress.note(id, cost)
  }

  /** Called when a flush begins. */
  rideAlong(add: (entry: Entry) => void): void {
    this.#progress.rideAlong(add)
  }

  inFlight(of: 'account' | 'key', id: string): readonly InFlight[] {
    return this.#inFlight.of(of, id)
  }

  async landed(): Promise<void> {
    if (!(await hasLanded(this.#lastBatch))) throw storeUnavailable(this.#journal.trouble)
  }

  orphans(): readonly OrphanHold[] {
    return [...this.#books.holds.values()].filter(({ id }) => this.#orphans.has(id))
  }

  async endOrphan(id: string, cost: MicroCredits | undefined): Promise<void> {
    const hold = this.#books.holds.get(id)
    if (hold === undefined) return
    if (cost === undefined) return this.release(id, { outcome: 'killed', attempts: [] })
    const known = { id, cost, model: hold.model, startedAt: hold.at, attempts: [] }
    await this.#charge({ ...KILLED, ...known }, hold.price)
  }

  #charge(charge: Charged, price: string): Promise<SettleAnswer> {
    const hold = this.#books.holds.get(charge.id)
    if (hold === undefined) return Promise.resolve({ kind: 'hold_missing' })
    if (hold.levels !== undefined) return this.#chargeChain(charge, hold)
    const account = this.#accountOf(hold.account)
    const payable = charge.payer === 'account' ? charge.cost : ZERO
    const asked = least(payable, mostOf(hold) ?? payable)
    const { credit, charged } = settleHold(account.credit, hold.amount, asked)
    const overrun = minus(payable, charged)
    const { amount, balance, held } = moved(charged, credit)
    const at = this.#now()
    const entry = chargeEntry({ charge, hold, price, at, amount, balance, held })
    const batch = this.#record(entry, credit)
    if (overrun > 0n) this.#overrun(hold.id, overrun, 'beyond_hold')
    if (charge.payer === 'operator' && charge.cost > 0n) this.#overrun(hold.id, charge.cost, 'cut')
    return batch.landed.promise.then(() => {
      if (this.#inFlight.isWatched) this.#inFlight.ended(hold.id, [charged])
      return { kind: 'settled', charged, balance: credit.balance }
    })
  }

  async #chargeChain(charge: Charged, hold: OpenHold): Promise<SettleAnswer> {
    const settled = decideChainSettle(this.#books, { charge, hold, at: this.#now() })
    for (const price of settled.prices) this.#rememberPrice(price)
    const batch = this.#record(settled.entry, settled.credit)
    const { overrun } = settled
    if (overrun.amount > 0n) this.#overrun(hold.id, overrun.amount, overrun.reason)
    await batch.landed.promise
    const { charges, credit } = settled
    if (this.#inFlight.isWatched) this.#inFlight.ended(hold.id, charges)
    return { kind: 'settled', charged: charges[0] ?? ZERO, balance: credit.balance, charges }
  }

  #end(id: string, { outcome, attempts }: Parameters<Ledger['release']>[1]): Batch | undefined {
    const hold = this.#books.holds.get(id)
    if (hold === undefined) return undefined
    const account = this.#accountOf(hold.account)
    const { credit } = settleHold(account.credit, hold.amount, ZERO)
    const head = { kind: 'release' as const, at: this.#now(), account: hold.account, ref: id }
    const levels = hold.levels && { levels: releasedLevels(this.#books, hold.levels) }
    const entry = { ...head, ...moved(hold.amount, credit), ...levels, outcome, attempts }
    if (this.#inFlight.isWatched) this.#inFlight.ended(id, [])
    return this.#record(entry, credit)
  }

  #overrun(ref: string, amount: MicroCredits, reason: OverrunEntry['reason']): void {
    const head = { kind: 'overrun', at: this.#now(), account: OPERATOR, ref } as const
    this.#record({ ...head, amount: amount.toString(), reason }, undefined)
  }

  #rememberPrice(price: HoldRequest['price']): void {
    if (this.#books.prices.has(price.version)) return
    this.#record(priceEntry(price, this.#now()), undefined)
  }

  #record(entry: Entry, credit: Credit | undefined): Batch {
    post(this.#books, entry, credit)
    return (this.#lastBatch = this.#journal.append(entry))
  }

  #accountOf(id: string): AccountState {
    const account = this.#books.accounts.get(id)
    if (account === undefined) throw new Error(`a key names the unknown account ${id}`)
    return account
  }
}

/** Whoever waits for an answer is told by its promise, always. */
const refused = (error: unknown): Promise<never> =>
  Promise.resolve().then(() => {
    throw error
  })

const HELD: HoldAnswer = { kind: 'held' }

/** What a run that died left untold about a request. */
const KILLED = {
  payer: 'account',
  outcome: 'killed',
  usage: NO_USAGE,
  isEstimated: true,
  isStream: false,
  deployment: undefined,
  firstByteMs: undefined,
  totalMs: 0,
} as const satisfies Partial<Charge>

/** A reseller changed a price, or an account was moved, between the plan of a request and its hold. */
const chainChanged = (): Failure =>
  new Failure('credit_held', 'Your prices changed while the request came in. Try again.', {
    retryAfterMs: 1_000,
  })

/** Revoked between its request's arrival and this moment: no hold comes after a revocation. */
const keyRevoked = (): Failure =>
  new Failure('invalid_api_key', 'Invalid API key. It was revoked while the request came in.')
