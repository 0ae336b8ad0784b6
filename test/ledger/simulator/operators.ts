import assert from 'node:assert/strict'
import type { Correction } from '../../../src/domain/correction.ts'
import { micro, minus, ZERO } from '../../../src/domain/money.ts'
import type { Booking } from '../../../src/ports/ledger.ts'
import type { Store } from '../../../src/store/lowdb/open-store.ts'
import type { Chance } from '../seeded.ts'
import { RESELLER, type Model, type Moment } from './model.ts'

/** What was charged for a request, and what of it to the account above. */
type Paid = Readonly<{ account: string; amount: bigint; above: bigint }>
type Call = Readonly<{ id: string; correction: Correction }>
type Expected = Readonly<{ kind: Booking['kind']; isRepeat?: boolean; moment?: Moment | undefined }>

/** Those who correct credit. Each call has an idempotency key, so whatever became of it, it may be made again. */
export class Operators {
  readonly #model: Model
  readonly #chance: Chance
  readonly #calls: Call[] = []
  /** What each call did in this run of the program, and is not known to be durable yet. */
  readonly #done = new Map<string, Moment>()
  /** Requests that were charged, as their callers know. */
  readonly #paid = new Map<string, Paid>()

  constructor(model: Model, chance: Chance) {
    this.#model = model
    this.#chance = chance
  }

  paid(request: string, paid: Paid): void {
    this.#paid.set(request, paid)
  }

  forget(): void {
    this.#done.clear()
  }

  /** A new call, or one of the old ones again, as it was or with another amount. */
  call(store: Store): { what: string; answer: Promise<void> } {
    const old = this.#calls.length > 0 && this.#chance.percent(40)
    const call = old ? this.#chance.pick(this.#calls) : this.#newCall()
    if (!old) this.#calls.push(call)
    const { id } = call
    const isKnown = this.#model.now.booked.has(id)
    const isOther = isKnown && this.#chance.percent(20)
    const correction = isOther ? another(call.correction) : call.correction
    const isPossible = store.isWritable()
    const expected = this.#expected({ id, correction }, { isKnown, isOther, isPossible })
    const what = `${id}: ${inWords(correction)}${old ? ', again' : ''}`
    const act = { id, by: 'test', reason: 'test', idempotencyKey: `key of ${id}` }
    const answer = store.registry.book(correction, act).then(
      (booking) => {
        this.#check(what, booking, expected)
        const done = this.#done.get(id)
        if (booking.kind === 'booked' && done !== undefined) done.isTold = true
      },
      (error: unknown) => {
        assert.equal((error as { code?: string }).code, 'store_unavailable', what)
      },
    )
    return { what, answer }
  }

  #check(what: string, booking: Booking, { kind, isRepeat }: Expected): void {
    const said = booking.kind === 'booked' ? booking.isRepeat : undefined
    assert.deepEqual({ kind: booking.kind, isRepeat: said }, { kind, isRepeat }, what)
  }

  #expected(
    call: Call,
    now: Readonly<{ isKnown: boolean; isOther: boolean; isPossible: boolean }>,
  ): Expected {
    if (now.isKnown)
      return now.isOther ? { kind: 'other_call' } : { kind: 'booked', isRepeat: true }
    if (!now.isPossible) return { kind: 'booked', isRepeat: false } // it is refused, and nothing happens
    const decided = this.#decide(call)
    if (typeof decided === 'string') return { kind: decided }
    this.#done.set(call.id, decided)
    return { kind: 'booked', isRepeat: false }
  }

  /** The rules once more: what it does, or why not. */
  #decide({ id, correction }: Call): Moment | Exclude<Booking['kind'], 'booked'> {
    if (correction.kind === 'refund') return this.#refund(id, correction)
    const amount = BigInt(correction.amount)
    if (correction.kind === 'transfer') {
      const { from, to } = correction
      if (![from, to].every((one) => this.#model.now.accounts.has(one))) return 'unknown_account'
      if ((from === RESELLER.sub) !== (to === RESELLER.sub)) return 'other_chain'
      if (amount > this.#model.free(from)) return 'short'
      return this.#model.book(id, [
        [from, -amount],
        [to, amount],
      ])
    }
    const { account, kind } = correction
    if (!this.#model.now.accounts.has(account)) return 'unknown_account'
    const change = kind === 'debit' ? -amount : amount
    if (-change > this.#model.free(account)) return 'short'
    return this.#model.book(id, [[account, change]])
  }

  #refund(id: string, { request, amount }: Correction & { kind: 'refund' }) {
    const paid = this.#paid.get(request)
    if (paid === undefined) return 'unknown_request' as const
    const before = this.#model.now.refunded.get(request) ?? 0n
    const left = paid.amount - before
    const given = amount ?? left
    if (given > left || given === 0n) return 'above_paid' as const
    const share = (sum: bigint): bigint => (paid.above * sum) / paid.amount
    const above = share(before + given) - share(before)
    const changes = [[paid.account, given] as const]
    if (paid.account === RESELLER.sub) changes.push([RESELLER.parent, above])
    return this.#model.book(id, changes, { request, amount: given })
  }

  #newCall(): Call {
    const id = `call-${this.#calls.length}`
    const accounts = ['ann', 'bob', 'eve']
    const account = this.#chance.pick(accounts)
    const amount = micro(BigInt(1 + this.#chance.below(300)))
    const kind = this.#chance.pick(['debit', 'adjust', 'transfer', 'refund', 'refund'] as const)
    if (kind === 'transfer') {
      const to = this.#chance.pick(accounts.filter((one) => one !== account))
      return { id, correction: { kind, from: account, to, amount } }
    }
    if (kind === 'refund') {
      const request = this.#chance.pick([...this.#paid.keys(), 'nobody'])
      const isPart = this.#chance.percent(60)
      return { id, correction: { kind, request, amount: isPart ? amount : undefined } }
    }
    const isLess = kind === 'adjust' && this.#chance.percent(50)
    return { id, correction: { kind, account, amount: isLess ? minus(ZERO, amount) : amount } }
  }
}

const another = (correction: Correction): Correction => ({
  ...correction,
  amount: micro((correction.amount ?? 0n) + 1_000n),
})

const inWords = ({ kind, amount, ...whose }: Correction): string =>
  `${kind} ${Object.values(whose).join(' to ')} ${amount ?? 'all'}`
