import {
  MICRO_MAX,
  type BooksText,
  placeOf,
  plain,
  type AuditedHold,
  type Item,
  type Leg,
  type Line,
  type Place,
  type Report,
} from './audit-line.ts'

/**
 * What an audit knows of resellers: whose sub-account each account is, at which markup, and how much it used of its cap.
 * The rules stand here a second time on purpose, as all of an audit.
 */
export type AuditedAccount = {
  id: string
  tier: string
  createdAt: number
  balance: bigint
  held: bigint
  parent?: string
  markup?: string
  cap?: string
  /** The operator's. */
  capMax?: string
  /** Empty where it was its reseller. */
  disabledBy?: string
  used?: bigint
}

const LEVELS_MAX = 5
const MILLION = 1_000_000n

/** A4, A19, A20 of accounts in a row. */
export class ChainSums {
  readonly #report: Report
  readonly #accounts: Map<string, AuditedAccount>
  readonly #prices: ReadonlyMap<string, Item>
  readonly #unpaid = new Map<string, Place>()

  constructor(
    report: Report,
    accounts: Map<string, AuditedAccount>,
    prices: ReadonlyMap<string, Item>,
  ) {
    this.#report = report
    this.#accounts = accounts
    this.#prices = prices
  }

  /** Goes on from the accounts of a snapshot; answers the sum of their credit. */
  begin({ accounts }: BooksText): bigint {
    let credit = 0n
    for (const { balance, held, used, ...one } of accounts) {
      const account = { ...one, balance: BigInt(balance), held: BigInt(held) }
      this.#accounts.set(one.id, used === undefined ? account : { ...account, used: BigInt(used) })
      credit += account.balance
    }
    return credit
  }

  /** An account is made, or changed in what its entry says. */
  account(line: Line, at: Place): void {
    const { seq: _seq, crc: _crc, chain: _chain, batch: _batch, kind: _kind, ...facts } = line
    const { at: createdAt, account: id, by = '', word, ...changed } = facts
    const made = { id, createdAt, balance: 0n, held: 0n }
    const known: AuditedAccount = Object.assign(this.#accounts.get(id) ?? made, changed)
    this.#accounts.set(id, known)
    if (line.cap !== undefined && word === 'operator') known.capMax = line.cap
    if (line.isDisabled !== undefined)
      known.disabledBy = line.isDisabled && word !== 'reseller' ? by : ''
    if (known.parent === '') {
      delete known.parent
      delete known.markup
      delete known.used
      delete known.cap
      delete known.capMax
    }
    if (known.cap === '') delete known.cap
    if (known.capMax === '') delete known.capMax
    if (known.parent !== undefined) known.used ??= 0n
    const above = this.#above(id)
    if (above.length >= LEVELS_MAX)
      this.#report('A19', `${id} has too many accounts above it`, placeOf(line, at))
    if (above.some((one) => one === undefined))
      this.#report('A19', `${id} is a sub-account of one that was never made`, placeOf(line, at))
  }

  /** A19: a hold goes through all accounts above its own, as they stand, and within what each may use. */
  hold(line: Line, at: Place): void {
    if (line.levels === undefined && this.#accounts.get(line.account)?.parent === undefined) return
    const levels = [line, ...(line.levels ?? [])]
    const above = this.#above(line.account)
    const [own, ...said] = levels.map(({ account, markup }) => `${account} at ${markup ?? 'none'}`)
    const due = [this.#accounts.get(line.account), ...above].map(
      // Placed without a word about it, an account pays what its parent pays.
      (one) =>
        `${one?.id ?? 'nobody'} at ${one?.parent === undefined ? 'none' : (one.markup ?? '0')}`,
    )
    if ([own, ...said].join() !== due.join())
      this.#report(
        'A19',
        `held of ${[own, ...said].join(', ')}; the accounts are ${due.join(', ')}`,
        placeOf(line, at),
      )
    for (const { account, amount } of levels) this.#checkCap({ account, amount }, line, at)
  }

  /** A19: an end is of all accounts that the hold was of. */
  end(line: Line, held: Line, at: Place): void {
    const [said, due] = [line, held].map(({ levels = [] }) => levels.map(({ account }) => account))
    if (plain(said) !== plain(due))
      this.#report(
        'A19',
        `ends for ${plain(said)} what was held of ${plain(due)}`,
        placeOf(line, at),
      )
    if (line.kind === 'settle') this.#price(line, held, at)
  }

  /** A20: each price is the one of the top times the markups on the way; what was noted is shared out by them. */
  #price(line: Line, held: Line, at: Place): void {
    const levels = [line, ...(line.levels ?? [])]
    const top = this.#prices.get(levels.at(-1)?.price ?? '')
    for (const [index, { price }] of levels.entries()) {
      const factor = factorOf(held, index)
      const own = this.#prices.get(price ?? '')
      const isRight = top !== undefined && isMultiple(own, top, factor)
      if (!isRight)
        this.#report('A20', `${price} is not the price above it and the markup`, placeOf(line, at))
    }
  }

  /** A8: an account below the top was not charged what it could pay: right only where the operator bears all of it. */
  noteUnpaid(line: Line, at: Place): void {
    this.#unpaid.set(line.ref, placeOf(line, at))
  }

  forgive(ref: string): void {
    this.#unpaid.delete(ref)
  }

  /** Where the look ends with a settle, the overrun behind it is not seen any more. */
  finish(unseen: number | undefined): void {
    for (const [ref, place] of this.#unpaid)
      if (place.seq !== unseen)
        this.#report('A8', `${ref} was not charged to an account that could pay`, place)
  }

  /** What a level has of a cost that was noted for the one who asked, and of the limit on theirs. */
  share({ line, progress, most }: AuditedHold, index: number): Pick<AuditedHold, Shared> {
    const [own, level] = [factorOf(line, 0), factorOf(line, index)]
    const [over, under] = [level.over * own.under, level.under * own.over]
    const shared = (amount: bigint): bigint => (amount * over + under - 1n) / under
    const limit = { most: most === undefined ? undefined : shared(most) }
    return progress === undefined ? limit : { ...limit, progress: String(shared(BigInt(progress))) }
  }

  /** What was charged of sub-accounts counts against their caps, and what is given back does not any more. */
  use(account: string, amount: bigint): void {
    const known = this.#accounts.get(account)
    if (known?.used !== undefined) known.used += amount
  }

  #checkCap({ account, amount }: { account: string; amount: string }, line: Line, at: Place): void {
    const { cap, used = 0n, held = 0n } = this.#accounts.get(account) ?? {}
    if (cap === undefined || used + held + BigInt(amount) <= BigInt(cap)) return
    this.#report(
      'A19',
      `${amount} more of ${account} is above its cap of ${cap}`,
      placeOf(line, at),
    )
  }

  /** From the parent to the top; `undefined` for one that is not there. */
  #above(id: string): (AuditedAccount | undefined)[] {
    const above: (AuditedAccount | undefined)[] = []
    let parent = this.#accounts.get(id)?.parent
    while (parent !== undefined && above.length < LEVELS_MAX) {
      const one = this.#accounts.get(parent)
      above.push(one)
      parent = one?.parent
    }
    return above
  }
}

/** A line for each account above: the same entry, with the level's own numbers. */
export const levelLines = (line: Line): readonly Line[] =>
  (line.levels ?? []).map((leg: Leg) => ({ ...line, ...leg }))

type Shared = 'progress' | 'most'

type Factor = Readonly<{ over: bigint; under: bigint }>

/** Of the operator's price, by the markups as they were when it was held. */
function factorOf(held: Line, index: number): Factor {
  const markups = [held, ...(held.levels ?? [])].slice(index).flatMap(({ markup }) => markup ?? [])
  return markups.reduce(
    ({ over, under }, markup) => {
      const [whole = '0', fraction = ''] = markup.split('.')
      const millionths = BigInt(`${whole}${fraction.padEnd(6, '0').slice(0, 6)}`)
      return { over: over * (MILLION + millionths), under: under * MILLION }
    },
    { over: 1n, under: 1n },
  )
}

/** Whether each rate is the top's times the factor, whatever either is written in. */
function isMultiple(price: Item | undefined, top: Item, { over, under }: Factor): boolean {
  if (price === undefined) return false
  const [scale, topScale] = [price['scale'], top['scale']].map((text) => BigInt(String(text)))
  const numbers = ({ rates, request }: Item): bigint[] =>
    [...Object.entries(rates as Item).sort(), ['request', request]].map(([, one]) =>
      BigInt(String(one)),
    )
  const [own, tops] = [numbers(price), numbers(top)]
  return own.every(
    (one, at) => one * (topScale ?? 0n) * under === (tops[at] ?? 0n) * (scale ?? 0n) * over,
  )
}

/** What a level has got back once the account that asked has got back so much of what it paid. */
export const refundedOf = (levelPaid: bigint, paid: bigint, refunded: bigint): bigint =>
  paid === 0n || refunded > MICRO_MAX ? 0n : (levelPaid * refunded) / paid
