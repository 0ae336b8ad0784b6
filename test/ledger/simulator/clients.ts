import assert from 'node:assert/strict'
import { micro } from '../../../src/domain/money.ts'
import type { Store } from '../../../src/store/lowdb/open-store.ts'
import { chargeOf, grant, holdOf, NOT_SENT, PRICE } from '../../../src/store/contract.ts'
import type { Chance } from '../seeded.ts'
import { RESELLER, type Model, type State } from './model.ts'
import { Operators } from './operators.ts'

const ACCOUNTS = ['ann', 'bob', 'eve'] as const
const nothing = () => undefined

/** As the gateway asks: a sub-account in the terms of its own price. */
function priceOf(ledger: Store['ledger'], account: string) {
  const resale = ledger.resale(account)
  return { resale, price: resale?.ownPrice(PRICE) ?? PRICE }
}

/** Those who use the ledger: they know what they were told, and what it should have been by the model. */
export class Clients {
  readonly #model: Model
  readonly #chance: Chance
  /** Asked, and not answered yet. */
  readonly #waiting = new Set<string>()
  /** Holds whose owners know of them. */
  readonly #held = new Set<string>()
  readonly #ended: string[] = []
  readonly #progress = new Map<string, bigint[]>()
  readonly #operators: Operators
  readonly #booked: () => ReadonlySet<string>
  #wrong: unknown
  #count = 0
  /** Answers to a process that has died are heard by nobody. */
  #life = 0

  /** `booked`: the corrections that stand in the journal, read without the code that wrote them. */
  constructor(
    model: Model,
    { chance, booked }: { chance: Chance; booked: () => ReadonlySet<string> },
  ) {
    this.#model = model
    this.#chance = chance
    this.#booked = booked
    this.#operators = new Operators(model, chance)
  }

  /** Does something, and says what. */
  act(store: Store): string {
    const dice = this.#chance.below(100)
    if (dice < 10) return this.#grant(store)
    if (dice < 22) {
      const { what, answer } = this.#operators.call(store)
      return this.#ask(what, answer)
    }
    if (dice < 55) return this.#hold(store)
    if (dice < 78) return this.#settle(store)
    if (dice < 87) return this.#release(store)
    if (dice < 94) return this.#note(store)
    return this.#again(store)
  }

  /** The books after a restart are held against the model; what a dead run left open is ended by chance, as owners do. */
  resume(store: Store): void {
    this.#model.resume(this.#found(store))
    const orphans = store.ledger.orphans()
    for (const { id, progress } of orphans) {
      const noted = this.#progress.get(id) ?? []
      assert.ok(progress === undefined || noted.includes(progress), `${id}: progress ${progress}`)
      if (this.#chance.percent(40)) this.#held.add(id)
      else this.#endOrphan(store, { id, progress })
    }
  }

  forget(): void {
    this.#life++
    this.#waiting.clear()
    this.#held.clear()
    this.#operators.forget()
  }

  waiting = (): readonly string[] => [...this.#waiting]
  isWaiting = (): boolean => this.#waiting.size > 0

  /** Throws what an answer was wrong about. */
  check(): void {
    if (this.#wrong !== undefined) throw this.#wrong as Error
  }

  #found({ ledger }: Store): Omit<State, 'refunded'> {
    const accounts = ACCOUNTS.flatMap((id) => {
      const found = ledger.account(id)
      return found === undefined ? [] : ([[id, found.credit]] as const)
    })
    const holds = ledger
      .orphans()
      .map(({ id, account, amount }) => [id, { account, amount }] as const)
    return { accounts: new Map(accounts), holds: new Map(holds), booked: this.#booked() }
  }

  #grant({ registry }: Store): string {
    const picked = this.#chance.pick(ACCOUNTS)
    const { sub, parent, markup } = RESELLER
    const isEarly = picked === sub && !this.#model.now.accounts.has(parent)
    const account = isEarly ? parent : picked
    const id = `${account}-${++this.#count}`
    if (!this.#model.now.accounts.has(account)) {
      const moment = this.#model.open(account)
      const more = { parent, markup, subAccountsMax: 0, by: 'test' }
      const opening =
        account === sub
          ? registry.openSubAccount({ id: account, tier: 'free', ...more })
          : registry.openAccount({ id: account, tier: 'free' })
      this.#ask(`open ${account}`, Promise.resolve(opening).then(nothing), () => {
        moment.isTold = true
      })
    }
    const amount = BigInt(1 + this.#chance.below(1_000))
    const moment = this.#model.grant(account, amount)
    const booking = grant(registry, { id, account, amount })
    return this.#ask(`grant ${amount} to ${account}`, booking, () => {
      moment.isTold = true
    })
  }

  #hold({ ledger, isWritable }: Store): string {
    const [account] = [...this.#model.now.accounts.keys()].slice(this.#chance.below(3))
    if (account === undefined) return 'nobody to hold for'
    const id = `hold-${++this.#count}`
    const amount = BigInt(this.#chance.below(400))
    const credit = this.#model.credit(account)
    const isPossible = isWritable()
    const moment = isPossible ? this.#model.hold(id, { account, amount }) : undefined
    const what = `${id} of ${amount} for ${account}`
    const short = { kind: 'short', ...(account === RESELLER.sub ? this.#payable() : { credit }) }
    const answer = ledger
      .hold({ ...holdOf(id, amount, account), ...priceOf(ledger, account) })
      .then(
        (answer) => {
          const right = moment === undefined ? short : { kind: 'held' }
          assert.deepEqual(answer, right, what)
          if (moment === undefined) return
          moment.isTold = true
          this.#held.add(id)
        },
        (error: unknown) => {
          assert.equal((error as { code?: string }).code, 'store_unavailable', what)
          assert.ok(moment !== undefined || !isPossible, `${what}: refused, though all was well`)
          if (moment !== undefined) this.#model.end(id, 0n) // given back as soon as entries land again
        },
      )
    return this.#ask(what, answer)
  }

  /** What eve and ann could pay together with nothing in flight, in eve's terms. */
  #payable() {
    const [own, above] = [RESELLER.sub, RESELLER.parent].map(
      (one) => this.#model.credit(one).balance,
    )
    const theirs = (3n * (above ?? 0n)) / 2n
    const isAbove = theirs < (own ?? 0n)
    return { credit: { balance: isAbove ? theirs : (own ?? 0n), held: 0n }, isAbove }
  }

  #settle({ ledger }: Store): string {
    const id = this.#take()
    if (id === undefined) return 'nothing to settle'
    const cost = BigInt(this.#chance.below(500))
    const payer = this.#chance.percent(10) ? 'operator' : 'account'
    const account = this.#model.now.holds.get(id)?.account ?? ''
    const own = account === RESELLER.sub ? (3n * cost + 1n) / 2n : cost
    const isPaid = payer === 'account'
    const end = this.#model.end(id, isPaid ? own : 0n, isPaid ? cost : 0n)
    assert.ok(end !== undefined, id)
    const what = `settle ${id} at ${cost}, paid by the ${payer}`
    const { price } = priceOf(ledger, account)
    const charge = { ...chargeOf(id, cost, { payer }), price, cost: micro(own) }
    return this.#ask(what, ledger.settle(charge), (answer) => {
      const { charged, balance, above } = end
      const levels = account === RESELLER.sub && { charges: [charged, above] }
      assert.deepEqual(answer, { kind: 'settled', charged, balance, ...levels }, what)
      end.moment.isTold = true
      this.#operators.paid(id, { account: end.account, amount: charged, above: end.above })
    })
  }

  #release({ ledger }: Store): string {
    const id = this.#take()
    if (id === undefined) return 'nothing to release'
    const end = this.#model.end(id, 0n)
    return this.#ask(`release ${id}`, ledger.release(id, NOT_SENT), () => {
      if (end !== undefined) end.moment.isTold = true
    })
  }

  #note({ ledger }: Store): string {
    const [id] = this.#held
    if (id === undefined) return 'nothing in progress'
    const cost = BigInt(this.#chance.below(400))
    this.#progress.set(id, [...(this.#progress.get(id) ?? []), cost])
    ledger.progress(id, micro(cost))
    return `progress of ${id}: ${cost}`
  }

  /** What has ended is ended once more: nothing happens. */
  #again({ ledger }: Store): string {
    const ended = this.#ended.filter((id) => !this.#model.now.holds.has(id))
    if (ended.length === 0) return 'nothing to repeat'
    const id = this.#chance.pick(ended)
    const what = `settle ${id} again`
    if (this.#chance.percent(30))
      return this.#ask(`release ${id} again`, ledger.release(id, NOT_SENT))
    return this.#ask(what, ledger.settle(chargeOf(id, 77n)), (answer) => {
      assert.deepEqual(answer, { kind: 'hold_missing' }, what)
    })
  }

  #endOrphan({ ledger }: Store, { id, progress }: { id: string; progress: bigint | undefined }) {
    const end = this.#model.end(id, progress ?? 0n)
    this.#ended.push(id)
    const cost = progress === undefined ? undefined : micro(progress)
    this.#ask(`end the orphan ${id}`, ledger.endOrphan(id, cost), () => {
      if (end !== undefined) end.moment.isTold = true
    })
  }

  #take(): string | undefined {
    const ids = [...this.#held]
    if (ids.length === 0) return undefined
    const id = this.#chance.pick(ids)
    this.#held.delete(id)
    this.#ended.push(id)
    return id
  }

  /** Waits for the answer, without holding anybody up. */
  #ask<T>(what: string, answer: Promise<T>, heard: (answer: T) => void = () => undefined): string {
    const [life, name] = [this.#life, `${what} (${++this.#count})`]
    this.#waiting.add(name)
    answer
      .then((one) => {
        if (life === this.#life) heard(one)
      })
      .catch((error: unknown) => {
        this.#wrong ??= error
      })
      .finally(() => this.#waiting.delete(name))
    return what
  }
}
