import type { PriceEntry, RefundEntry, SettleEntry } from '../../../domain/entry.ts'
import { QUARTER_MS } from '../../../domain/time-zone.ts'
import { BUCKETS } from '../../../domain/usage.ts'
import { splitAmount } from './amounts.ts'
import { Codes, Growing } from './growing.ts'
import { eachLine, type Line, type Source } from './lines.ts'
import { chargeAt, type FindCharge } from './charges.ts'
import { splitId, type SplitId } from './request-id.ts'
import { COLUMNS, MEASURES, NAMES } from './table.ts'
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
  readonly #quarters = new Codes<number>()
  readonly #names = recordOf(NAMES, () => new Codes<string>())
  readonly #columns = recordOf(COLUMNS, () => new Growing())
  readonly #rows = new Map<string, number>()
  readonly #runs = new Codes<string>()
  readonly #index = { run: new Growing(), count: new Growing(), offset: new Growing() }
  readonly #prices: PriceEntry[] = []
  #offset = 0

  constructor(segment: number) {
    this.segment = segment
  }

  /** Goes on up to an offset, or to where the records end. */
  read(source: Source, to: number, earlier: FindCharge): void {
    const chargeOf: FindCharge = (request) =>
      chargeAt(source, this.offsetsOf(splitId(request))) ?? earlier(request)
    this.#offset = eachLine(source, { from: this.#offset, to }, (line) => {
      this.#enter(line, chargeOf)
    })
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
      rows: this.#rows.size,
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

  #enter(line: Line, chargeOf: FindCharge): void {
    switch (kindOf(line)) {
      case 'settle': {
        const settle = usageOf(textOf(line))
        this.#add(settle)
        for (const level of levelsOf(settle)) this.#add(level)
        this.#place(settle.ref, line.offset)
        return
      }
      case 'hold':
      case 'release':
      case 'expire':
      case 'overrun':
        this.#place(refOf(line), line.offset)
        return
      case 'refund':
        this.#enterRefund(JSON.parse(textOf(line)) as RefundEntry, line.offset, chargeOf)
        return
      case 'price':
        this.#prices.push(JSON.parse(textOf(line)) as PriceEntry)
    }
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
    const { key, model, deployment, outcome } = charge === undefined ? UNKNOWN : usageOf(charge)
    const names = { at: refund.at, key, model, deployment, outcome }
    const own = this.#rowOf({ ...names, account: refund.account })
    this.#addAmount('refunded', own, refund.amount)
    for (const [at, { account, amount }] of (refund.levels ?? []).entries()) {
      const below = refund.levels?.[at - 1] ?? refund
      const row = this.#rowOf({ ...names, account, key: '', below: below.account })
      this.#addAmount('refunded', row, amount)
      this.#addAmount('returned', row, below.amount)
    }
    this.#place(refund.request, offset)
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

  #addAmount(amount: Amount, row: number, text: string): void {
    const { high, low } = splitAmount(text)
    this.#columns[`${amount}High`].add(row, high)
    this.#columns[`${amount}Low`].add(row, low)
  }

  #rowOf(used: Named): number {
    const names = this.#names
    const quarter = this.#quarters.of(Math.floor(used.at / QUARTER_MS))
    const codes = NAMES.map((name) => names[name].of(used[name] ?? ''))
    const id = `${quarter} ${codes.join(' ')}`
    const known = this.#rows.get(id)
    if (known !== undefined) return known
    const row = this.#rows.size
    this.#rows.set(id, row)
    this.#columns.quarter.push(quarter)
    for (const [at, name] of NAMES.entries()) this.#columns[name].push(codes[at] ?? 0)
    for (const measure of MEASURES) this.#columns[measure].push(0)
    return row
  }
}

function recordOf<K extends Column | Name, T>(
  names: readonly K[],
  make: (name: K) => T,
): Record<K, T> {
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<K, T>
}

type Used = Omit<SettleEntry, 'attempts' | 'startedAt' | 'firstByteMs' | 'totalMs'> &
  Readonly<{ below?: string; sold?: string }>

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

/** A settle up to its attempts: the rest is not asked for, and parsing it took a third of the whole reading. */
function usageOf(text: string): Used {
  const end = text.lastIndexOf(',"attempts":')
  return JSON.parse(end === -1 ? text : `${text.slice(0, end)}}`) as Used
}

const textOf = ({ buffer, start, end }: Line): string => buffer.toString('utf8', start, end)

const KIND_START = '{"seq":'.length
const KIND_SKIP = ',"kind":"'.length
/** Seq, kind, time and an account of 64 characters come before the ref. */
const HEAD_BYTES_MAX = 320

/** Read from the first bytes: most lines need not be parsed. */
function kindOf({ buffer, start, end }: Line): string {
  let comma = start + KIND_START
  while (buffer[comma] !== COMMA && comma < end) comma++
  const from = comma + KIND_SKIP
  const text = buffer.toString('latin1', from, from + 12)
  return text.slice(0, text.indexOf('"'))
}

const COMMA = 44

function refOf({ buffer, start, end }: Line): string {
  const head = buffer.toString('latin1', start, Math.min(end, start + HEAD_BYTES_MAX))
  const from = head.indexOf(REF) + REF.length
  return head.slice(from, head.indexOf('"', from))
}

const REF = ',"ref":"'
