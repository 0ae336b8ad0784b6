import assert from 'node:assert/strict'

/**
 * What must be true of the books, in the plainest words: the rules stand here once more, over numbers and lists, and
 * share nothing with the code. Each change is kept with what it left, so that after a crash the books can be compared
 * with every moment from the last that was acknowledged on.
 */
export type Hold = Readonly<{ account: string; amount: bigint }>

/** Eve is the sub-account of ann, at half more than her price: what ann pays of eve's amounts, rounded up. */
export const RESELLER = { sub: 'eve', parent: 'ann', markup: '0.5' } as const
const parentShare = (amount: bigint): bigint => (2n * amount + 2n) / 3n
export type State = Readonly<{
  accounts: ReadonlyMap<string, Readonly<{ balance: bigint; held: bigint }>>
  holds: ReadonlyMap<string, Hold>
  /** Corrections that were made. */
  booked: ReadonlySet<string>
  /** What was given back of a request's charge. */
  refunded: ReadonlyMap<string, bigint>
}>

export type Moment = { readonly what: string; readonly after: State; isTold: boolean }

type Ending = Readonly<{
  account: string
  charged: bigint
  balance: bigint
  moment: Moment
  /** Of a sub-account's request: what its parent paid. */
  above: bigint
}>

const NOTHING: State = {
  ...{ accounts: new Map(), holds: new Map() },
  ...{ booked: new Set(), refunded: new Map() },
}

export class Model {
  #moments: Moment[] = [{ what: 'the beginning', after: NOTHING, isTold: true }]

  get now(): State {
    return this.#moments.at(-1)?.after ?? NOTHING
  }

  free(account: string): bigint {
    const { balance, held } = this.#account(account)
    return balance - held
  }

  credit(account: string): { balance: bigint; held: bigint } {
    return { ...this.#account(account) }
  }

  open(account: string): Moment {
    return this.#add(`open ${account}`, account, { balance: 0n, held: 0n })
  }

  grant(account: string, amount: bigint): Moment {
    return this.#add(`grant ${amount}`, account, { balance: amount, held: 0n })
  }

  /** Undefined: more than is free, and nothing happens. */
  hold(id: string, { account, amount }: Hold): Moment | undefined {
    const parts = partsOf({ account, amount })
    if (parts.some((one) => one.amount > this.free(one.account))) return undefined
    const holds = new Map(this.now.holds).set(id, { account, amount })
    const changes = parts.map((one) => [one.account, { balance: 0n, held: one.amount }] as const)
    return this.#move(`hold ${id}`, changes, holds)
  }

  /** What each account pays: at most its hold and what is free. Undefined: the hold has ended. */
  end(id: string, cost: bigint, aboveCost = parentShare(cost)): Ending | undefined {
    const hold = this.now.holds.get(id)
    if (hold === undefined) return undefined
    const holds = new Map(this.now.holds)
    holds.delete(id)
    const changes = partsOf(hold).map((one, level) => {
      const [due, most] = [level === 0 ? cost : aboveCost, one.amount + this.free(one.account)]
      const charged = due < most ? due : most
      return [one.account, { balance: -charged, held: -one.amount }] as const
    })
    const moment = this.#move(`end ${id}`, changes, holds)
    const [charged = 0n, above = 0n] = changes.map(([, { balance }]) => -balance)
    const { account } = hold
    return { account, charged, above, balance: this.credit(account).balance, moment }
  }

  /** A correction, which moves credit of one account or between two. */
  book(
    id: string,
    changes: readonly (readonly [string, bigint])[],
    refund?: Readonly<{ request: string; amount: bigint }>,
  ): Moment {
    const refunded = new Map(this.now.refunded)
    if (refund !== undefined)
      refunded.set(refund.request, (refunded.get(refund.request) ?? 0n) + refund.amount)
    const accounts = new Map(this.now.accounts)
    for (const [account, change] of changes) {
      const { balance, held } = this.#account(account)
      accounts.set(account, { balance: balance + change, held })
    }
    const booked = new Set(this.now.booked).add(id)
    return this.#keep(`book ${id}`, { ...this.now, accounts, booked, refunded })
  }

  /** The books after a crash are those of one of these moments; the later ones never were. */
  resume(found: Omit<State, 'refunded'>): void {
    const told = this.#moments.findLastIndex(({ isTold }) => isTold)
    for (let at = this.#moments.length - 1; at >= told; at--) {
      const after = this.#moments[at]?.after
      if (after === undefined || text(after) !== text(found)) continue
      this.#moments = [{ what: 'a restart', after, isTold: true }]
      return
    }
    const last = this.#moments[told]
    assert.fail(
      `the books are those of no moment since "${last?.what ?? ''}" was acknowledged:\n` +
        `  they are ${text(found)}\n  then were ${text(last?.after ?? NOTHING)}\n  now are   ${text(this.now)}`,
    )
  }

  #account(id: string): { balance: bigint; held: bigint } {
    return this.now.accounts.get(id) ?? { balance: 0n, held: 0n }
  }

  #add(what: string, account: string, change: Change): Moment {
    return this.#move(what, [[account, change]], this.now.holds)
  }

  #move(
    what: string,
    changes: readonly (readonly [string, Change])[],
    holds: State['holds'],
  ): Moment {
    const accounts = new Map(this.now.accounts)
    for (const [account, change] of changes) {
      const before = this.#account(account)
      const after = { balance: before.balance + change.balance, held: before.held + change.held }
      const isRight = after.held >= 0n && after.balance >= after.held
      assert.ok(isRight, `the model itself is wrong: ${what}`)
      accounts.set(account, after)
    }
    return this.#keep(what, { ...this.now, accounts, holds })
  }

  #keep(what: string, after: State): Moment {
    const moment = { what, after, isTold: false }
    this.#moments.push(moment)
    return moment
  }
}

type Change = Readonly<{ balance: bigint; held: bigint }>

/** A hold, and what it is for the account above. */
function partsOf({ account, amount }: Hold): readonly Hold[] {
  const { sub, parent } = RESELLER
  const own = { account, amount }
  return account === sub ? [own, { account: parent, amount: parentShare(amount) }] : [own]
}

/** The same text for the same books. */
const text = ({ accounts, holds, booked }: Omit<State, 'refunded'>): string =>
  [
    ...[...accounts].map(([id, { balance, held }]) => `${id} ${balance}/${held}`).sort(),
    ...[...holds].map(([id, { account, amount }]) => `${id} ${amount} of ${account}`).sort(),
    ...[...booked].sort(),
  ].join(', ')
