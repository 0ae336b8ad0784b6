import type { PriceEntry, SettleEntry } from '../../../domain/entry.ts'
import { QUARTER_MS } from '../../../domain/time-zone.ts'
import { BUCKETS } from '../../../domain/usage.ts'
import { splitAmount } from './amounts.ts'
import { Codes, Growing } from './growing.ts'
import { eachLine, type Line, type Source } from './lines.ts'
import { splitId } from './request-id.ts'
import { COLUMNS, MEASURES, NAMES, type Column, type Name, type Table } from './table.ts'

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
  read(source: Source, to: number): void {
    this.#offset = eachLine(source, { from: this.#offset, to }, (line) => {
      this.#enter(line)
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

  get index(): RequestIndex {
    const { run, count, offset } = this.#index
    const columns = { run: run.values(), count: count.values(), offset: offset.values() }
    return { runs: this.#runs.list, ...columns }
  }

  #enter(line: Line): void {
    switch (kindOf(line)) {
      case 'settle': {
        const settle = usageOf(line)
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
        this.#place((JSON.parse(textOf(line)) as { request: string }).request, line.offset)
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

  #add(settle: Used): void {
    const columns = this.#columns
    const row = this.#rowOf(settle)
    columns.requests.add(row, 1)
    if (settle.estimated) columns.estimated.add(row, 1)
    for (const bucket of BUCKETS) {
      const tokens = settle.usage[bucket]
      if (tokens !== undefined) columns[bucket].add(row, tokens)
    }
    const [cost, charged] = [splitAmount(settle.cost), splitAmount(settle.amount)]
    columns.costHigh.add(row, cost.high)
    columns.costLow.add(row, cost.low)
    columns.chargedHigh.add(row, charged.high)
    columns.chargedLow.add(row, charged.low)
    if (settle.sold === undefined) return
    const sold = splitAmount(settle.sold)
    columns.soldHigh.add(row, sold.high)
    columns.soldLow.add(row, sold.low)
  }

  #rowOf(settle: Used): number {
    const names = this.#names
    const quarter = this.#quarters.of(Math.floor(settle.at / QUARTER_MS))
    const codes = NAMES.map((name) => names[name].of(settle[name] ?? ''))
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
function usageOf(line: Line): Used {
  const text = textOf(line)
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
