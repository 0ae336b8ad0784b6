import { OPERATOR } from './account.ts'
import { micro, ZERO, type MicroCredits } from './money.ts'
import type { Outcome } from './outcome.ts'
import { costOf, multiplied, type Price, type Ratio } from './price.ts'
import type { Usage } from './usage.ts'

/**
 * An account may be the sub-account of another: it pays its parent's price times its markup, out of credit of its own, and
 * its parent pays for the same request at the parent's price, and so on up to an account that pays the operator. One hold
 * goes through all of them, or none.
 */
export type Level = Readonly<{
  account: string
  /** What it pays on top of its parent's price, as a decimal: "0.2". Absent for the one at the top. */
  markup?: string
}>

/** Accounts in a row, with the one at the top: each of them costs a request something. */
const LEVELS_MAX = 5

const MARKUP = /^(0|[1-9][0-9]{0,3})(?:\.([0-9]{1,6}))?$/
const MARKUP_MAX = 1_000
const ONE = 1_000_000n

/** A markup in its one form; undefined when it is none. A sub-account never pays less than its parent. */
export function parseMarkup(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const match = MARKUP.exec(String(value))
  if (match === null || Object.is(value, -0) || Number(value) > MARKUP_MAX) return undefined
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  return fraction === '' ? (match[1] ?? '0') : `${match[1] ?? '0'}.${fraction}`
}

/** How the prices of a chain follow from the operator's. Made once for a chain, and kept while it stays as it is. */
export class Resale {
  /** The account that asks first, the one at the top last. */
  readonly levels: readonly Level[]
  /** The same for the same accounts and markups. */
  readonly name: string
  /** What each level's price is of the operator's. */
  readonly #factors: readonly Ratio[]
  readonly #prices = new WeakMap<Price, readonly Price[]>()

  constructor(levels: readonly Level[]) {
    this.levels = levels
    this.name = nameOf(levels)
    let factor: Ratio = { over: 1n, under: 1n }
    const factors = levels.toReversed().map(({ markup }) => (factor = times(factor, markup)))
    this.#factors = factors.toReversed()
  }

  /** What the asking account pays where the operator's price is this. */
  ownPrice(operators: Price): Price {
    return this.pricesFor(operators)[0] ?? operators
  }

  /** The price of each level, by the operator's or by that of the asking account. */
  pricesFor(price: Price): readonly Price[] {
    const operators = price.base ?? price
    const known = this.#prices.get(operators)
    if (known !== undefined) return known
    const prices = this.#factors.map((factor) =>
      factor.over === factor.under
        ? operators
        : multiplied(operators, factor, `${operators.version}*${decimal(factor)}`),
    )
    this.#prices.set(operators, prices)
    return prices
  }

  /** What a usage costs each level, each by its own price; what was noted on the way has no usage, and is shared out. */
  costs({ cost, usage, price, outcome }: Costing): readonly MicroCredits[] {
    if (outcome === 'killed' || price === undefined) return this.shares(cost)
    if (cost === 0n) return this.levels.map(() => ZERO)
    return this.pricesFor(price).map((one, at) => (at === 0 ? cost : costOf(usage, one)))
  }

  /** An amount of the asking account in the terms of each level, rounded up: holds that cover the one cover the others. */
  shares(amount: MicroCredits): readonly MicroCredits[] {
    return this.#factors.map((factor) => {
      const { over, under } = this.#against(factor)
      return micro((amount * over + under - 1n) / under)
    })
  }

  /** The most that the asking account can pay while it costs the level at that place no more than `credit`. */
  payable(credit: MicroCredits, at: number): MicroCredits {
    const factor = this.#factors[at]
    if (credit <= 0n || factor === undefined) return ZERO
    const { over, under } = this.#against(factor)
    return micro((credit * under) / over)
  }

  /** A level's factor by that of the asking account. */
  #against({ over, under }: Ratio): Ratio {
    const [own = { over: 1n, under: 1n }] = this.#factors
    return { over: over * own.under, under: under * own.over }
  }
}

type Costing = Readonly<{
  cost: MicroCredits
  usage: Usage
  price: Price | undefined
  outcome: Outcome
}>

export const nameOf = (levels: readonly Level[]): string =>
  levels.map(({ account, markup = '' }) => `${account} ${markup}`).join('/')

function times({ over, under }: Ratio, markup: string | undefined): Ratio {
  if (markup === undefined) return { over, under }
  const [whole = '0', fraction = ''] = markup.split('.')
  return { over: over * (ONE + BigInt(whole + fraction.padEnd(6, '0'))), under: under * ONE }
}

/** Exact, as the denominator is a power of ten. */
function decimal({ over, under }: Ratio): string {
  const places = under.toString().length - 1
  const digits = over.toString().padStart(places + 1, '0')
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '')
  const whole = digits.slice(0, digits.length - places)
  return fraction === '' ? whole : `${whole}.${fraction}`
}

/** What a level gets back in all once the asking account got back so much of what it paid: the same share, rounded down. */
export function refundShare(
  { paid, refunded }: Readonly<{ paid: MicroCredits; refunded: MicroCredits }>,
  levelPaid: MicroCredits,
): MicroCredits {
  return paid === 0n ? ZERO : micro((levelPaid * refunded) / paid)
}

/** Why an account cannot be put under another. */
export type Misplaced = 'no_such_parent' | 'circle' | 'too_deep' | 'is_operator'

type Tree = Readonly<{
  parentOf: (account: string) => string | undefined
  exists: (account: string) => boolean
  /** Levels below the account, itself among them. */
  heightOf: (account: string) => number
}>

/** Whether a chain would stay a chain, and short enough. */
export function misplaced(
  tree: Tree,
  { account, parent }: Readonly<{ account: string; parent: string }>,
): Misplaced | undefined {
  if (parent === OPERATOR) return 'is_operator'
  if (!tree.exists(parent)) return 'no_such_parent'
  let levels = tree.heightOf(account)
  for (let one: string | undefined = parent; one !== undefined; one = tree.parentOf(one)) {
    if (one === account) return 'circle'
    if (++levels > LEVELS_MAX) return 'too_deep'
  }
  return undefined
}
