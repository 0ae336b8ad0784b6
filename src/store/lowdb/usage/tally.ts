import type { PriceEntry, RefundEntry } from '../../../domain/entry.ts'
import { QUARTER_MS } from '../../../domain/time-zone.ts'
import { BUCKETS } from '../../../domain/usage.ts'
import type { Amount as Value, BookedEntry } from '../../booked-entry.ts'
import { LineReader } from '../journal-line.ts'
import { splitAmount } from './amounts.ts'
import { Codes, Growing } from './growing.ts'
import { eachLine, type Source } from './lines.ts'
import { chargeAt, type FindCharge } from './charges.ts'
import { splitId, type SplitId } from './request-id.ts'
import { AMOUNTS, COLUMNS, MEASURES, NAMES } from './table.ts'
import type { Amount, Column, Name, Table } from './table.ts'

/** Where the records of a run's requests stand: a row each, with the number in the id and the offset of the line. */
export type RequestIndex = Readonly<{
  runs: readonly string[]
  run: Float64Array
  count: Float64Array
  offset: Float64Array
}>

/** Reads a segment from its beginning, or on from where it was, and keeps its sums and the places of its requests. */
export class Tally {
  readonly segment: number
  readonly #lines = new LineReader()
  readonly #quarters = new Codes<number>()
  readonly #names = recordOf(NAMES, () => new Codes<string>())
  readonly #columns = recordOf(COLUMNS, () => new Growing())
  /** Two columns each, found without putting their names together for every amount. */
  readonly #halves = recordOf(AMOUNTS, (amount) => ({
    high: this.#columns[`${amount}High`],
    low: this.#columns[`${amount}Low`],
  }))
  /** A row for each that comes, found by a name after the other. */
  readonly #steps = NAMES.map((name) => {
    return { name, codes: this.#names[name], pairs: new Codes<number>() }
  })
  #rows = 0
  readonly #runs = new Codes<string>()
  readonly #index = { run: new Growing(), count: new Growing(), offset: new Growing() }
  readonly #prices: PriceEntry[] = []
  #offset = 0

  constructor(segment: number) {
    this.segment = segment
  }

  /** Goes on up to an offset, or to where the records end. */
  read(source: Source, to: number, earlier: FindCharge): void {
    const chargeOf = this.charges(source, earlier)
    this.#offset = eachLine(
      source,
      { from: this.#offset, to },
      ({ buffer, start, end, offset }) => {
        this.enter(this.#lines.read(buffer, start, end).entry, offset, chargeOf)
      },
    )
  }

  /** Finds charges in this segment, as far as it was read, and in earlier ones. */
  charges(source: Source, earlier: FindCharge): FindCharge {
    return (request) => chargeAt(source, this.offsetsOf(splitId(request))) ?? earlier(request)
  }

  /** Somebody else reads the segment, and hands on its entries. */
  enter(entry: BookedEntry, offset: number, chargeOf: FindCharge): void {
    const { kind } = entry
    if (kind === 'settle') {
      this.#add(entry)
      for (const level of levelsOf(entry)) this.#add(level)
    }
    if (kind === 'settle' || kind === 'hold' || kind === 'overrun') this.#place(entry.ref, offset)
    else if (kind === 'release' || kind === 'expire') this.#place(entry.ref, offset)
    else if (kind === 'refund') this.#enterRefund(entry, offset, chargeOf)
    else if (kind === 'price') this.#prices.push(entry)
  }

  endAt(offset: number): void {
    this.#offset = offset
  }

  get offset(): number {
    return this.#offset
  }

  get prices(): readonly PriceEntry[] {
    return this.#prices
  }

  /** As it is now: not to be kept over the next reading. */
  get table(): Table {
    return {
      rows: this.#rows,
      quarters: this.#quarters.list,
      names: recordOf(NAMES, (name) => this.#names[name].list),
      columns: recordOf(COLUMNS, (column) => this.#columns[column].values()),
    }
  }

  /** Where the records of a request begin, in their order. */
  offsetsOf(asked: SplitId): readonly number[] {
    const code = this.#runs.find(asked.run)
    const found: number[] = []
    if (code === undefined) return found
    const { run, count, offset } = this.#index
    for (let row = 0; row < run.length; row++)
      if (run.get(row) === code && count.get(row) === asked.count) found.push(offset.get(row))
    return found
  }

  get index(): RequestIndex {
    const { run, count, offset } = this.#index
    const columns = { run: run.values(), count: count.values(), offset: offset.values() }
    return { runs: this.#runs.list, ...columns }
  }

  #place(id: string, offset: number): void {
    const { run, count } = splitId(id)
    this.#index.run.push(this.#runs.of(run))
    this.#index.count.push(count)
    this.#index.offset.push(offset)
  }

  /** Given back to the account that asked and to those above it, each its own share. */
  #enterRefund(refund: RefundEntry, offset: number, chargeOf: FindCharge): void {
    const charge = chargeOf(refund.request)
    const {
      at: chargedAt,
      key,
      model,
      asked,
      deployment,
      outcome,
    } = charge === undefined ? UNKNOWN : (JSON.parse(charge) as Used)
    const { account, amount, at } = refund
    const own = { at, account, key, model, asked, deployment, outcome }
    this.#addAmount('refunded', this.#rowOf(own), amount)
    this.#forgive(own, chargedAt, amount)
    for (const [level, { account, amount }] of (refund.levels ?? []).entries()) {
      const below = refund.levels?.[level - 1] ?? refund
      const names = { ...own, account, key: '', below: below.account }
      const row = this.#rowOf(names)
      this.#addAmount('refunded', row, amount)
      this.#addAmount('returned', row, below.amount)
      this.#forgive(names, chargedAt, amount)
    }
    this.#place(refund.request, offset)
  }

  #forgive(names: Named, chargedAt: number | undefined, amount: string): void {
    if (chargedAt === undefined) return
    this.#addAmount('forgiven', this.#rowOf({ ...names, at: chargedAt }), amount)
  }

  #add(settle: Used): void {
    const columns = this.#columns
    const row = this.#rowOf(settle)
    columns.requests.add(row, 1)
    if (settle.estimated) columns.estimated.add(row, 1)
    for (const bucket of BUCKETS) {
      const tokens = settle.usage[bucket]
      if (tokens !== undefined) columns[bucket].add(row, tokens)
    }
    this.#addAmount('cost', row, settle.cost)
    this.#addAmount('charged', row, settle.amount)
    if (settle.sold !== undefined) this.#addAmount('sold', row, settle.sold)
  }

  #addAmount(amount: Amount, row: number, value: Value): void {
    const { high, low } = splitAmount(value)
    const halves = this.#halves[amount]
    halves.high.add(row, high)
    halves.low.add(row, low)
  }

  #rowOf(used: Named): number {
    const quarter = this.#quarters.of(Math.floor(used.at / QUARTER_MS))
    let row = quarter
    for (const { name, codes, pairs } of this.#steps)
      row = pairs.of(row * CODES_MAX + codes.of(used[name] ?? ''))
    if (row < this.#rows) return row
    this.#rows++
    this.#columns.quarter.push(quarter)
    for (const { name, codes } of this.#steps) this.#columns[name].push(codes.of(used[name] ?? ''))
    for (const measure of MEASURES) this.#columns[measure].push(0)
    return row
  }
}

/** A segment has fewer entries, and two such numbers are one that a double holds. */
const CODES_MAX = 2 ** 26

function recordOf<K extends Amount | Column | Name, T>(
  names: readonly K[],
  make: (name: K) => T,
): Record<K, T> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<K, T>
}

type Used = Extract<BookedEntry, { kind: 'settle' }> & Readonly<{ below?: string; sold?: Value }>

type Named = Readonly<{ at: number } & Partial<Record<Name, string | undefined>>>

/** A refund whose charge was moved away, with the segment that it stood in. */
const UNKNOWN: Partial<Used> = {}

/**
 * What those above the account paid for the same request, each for the one right below it, and what that one paid; by whose
 * key is not theirs to see.
 */
const levelsOf = (settle: Used): Used[] =>
  (settle.levels ?? []).map(({ account, amount, cost }, at, levels) => {
    const { account: below, amount: sold } = levels[at - 1] ?? settle
    return { ...settle, ...{ account, amount, cost, key: '' }, below, sold }
  })
