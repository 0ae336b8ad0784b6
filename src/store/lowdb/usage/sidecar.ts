/**
 * What is kept beside a sealed segment, so that nobody need read it again to know its sums or where a request stands:
 * a checksum, a header of JSON, and columns of numbers. It follows from the segment, so it is never the truth: one
 * that is missing, torn, of another format or of another segment is made again.
 */
import { endianness } from 'node:os'
import { crc32 } from 'node:zlib'
import type { PriceEntry } from '../../../domain/entry.ts'
import type { Source } from './lines.ts'
import { ordered, picked, rowsByCount } from './row-order.ts'
import { COLUMNS, type Column, type Name, type Numbers, type Table } from './table.ts'
import type { Tally } from './tally.ts'

const FORMAT = `tollgate-usage/5-${endianness()}`
/**
 * The first did not know what accounts paid for those below them, the second not what these paid, the third not what was
 * given back, the fourth not of which charges: good enough where the segment was moved away.
 */
const OLD_FORMATS = ['1', '2', '3', '4'].map(
  (version) => `tollgate-usage/${version}-${endianness()}`,
)

const WIDTHS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f64: Float64Array } as const
type Width = keyof typeof WIDTHS
type Stored = Readonly<{ width: Width; at: number }>

/** Requests of a run: rows of the index, ordered by their number. */
type RunRange = Readonly<{ run: string; start: number; end: number; min: number; max: number }>

type Header = Readonly<{
  format: string
  /** The first line of the segment, which no other begins with, and its length. */
  first: string
  bytes: number
  rows: number
  quarters: readonly number[]
  names: Readonly<Record<Name, readonly string[]>>
  /** Where each account's rows begin, and behind the last one's where they end. */
  starts: readonly number[]
  columns: Readonly<Partial<Record<Column, Stored>>>
  runs: readonly RunRange[]
  index: Readonly<Record<'count' | 'offset', Stored>>
  prices: readonly PriceEntry[]
}>

export type Sidecar = Header & Readonly<{ source: Source; dataAt: number; headerBytes: number }>

/** Of older ones, which do not have all: no record that they are made of says which model was asked for. */
const NO_NAMES = { below: [''], asked: [''] } as const

/** What a sidecar must have been made of, as far as that can be seen: the segment may be gzipped, or moved away. */
export type Identity = Readonly<{ first: string | undefined; bytes: number | undefined }>

const PRELUDE_BYTES = 18 // checksum and length of the header in hex, a space between them, and a newline

export function encodeSidecar(tally: Tally, first: string): Buffer {
  const { table, index, prices } = tally
  const data = new Data()
  const { order, accounts, starts } = byAccount(table)
  const rank = new Map(accounts.map((name, at) => [name, at]))
  const columns: Partial<Record<Column, Stored>> = {}
  for (const name of COLUMNS) {
    const values = table.columns[name] ?? new Uint8Array(table.rows)
    const recode = (code: number): number => rank.get(table.names.account[code] ?? '') ?? 0
    const sorted = order.map((row) =>
      name === 'account' ? recode(values[row] ?? 0) : (values[row] ?? 0),
    )
    if (name === 'quarter' || sorted.some((value) => value !== 0)) columns[name] = data.add(sorted)
  }
  const { ranges, rows } = byRun(index)
  const header: Header = {
    ...{ format: FORMAT, first, bytes: tally.offset, rows: table.rows },
    ...{ quarters: table.quarters, names: { ...table.names, account: accounts }, starts, columns },
    ...{ runs: ranges, prices },
    index: {
      count: data.add(picked(index.count, rows)),
      offset: data.add(picked(index.offset, rows)),
    },
  }
  const text = Buffer.from(JSON.stringify(header))
  const body = Buffer.concat([Buffer.from(hex(text.byteLength)), NEWLINE, text, ...data.parts])
  return Buffer.concat([Buffer.from(`${hex(crc32(body))} `), body])
}

const NEWLINE = Buffer.from('\n')
const hex = (value: number): string => value.toString(16).padStart(8, '0')

/** Undefined when it is not a whole sidecar of this format and this segment. */
export function decodeSidecar(source: Source, { first, bytes }: Identity): Sidecar | undefined {
  const prelude = bytesOf(source, 0, PRELUDE_BYTES).toString('latin1')
  const [, crc = '', length = ''] = /^([0-9a-f]{8}) ([0-9a-f]{8})\n$/.exec(prelude) ?? []
  const headerBytes = Number.parseInt(length, 16)
  if (crc === '' || PRELUDE_BYTES + headerBytes > source.size) return undefined
  if (hex(crc32(bytesOf(source, 9, source.size - 9))) !== crc) return undefined
  const header = JSON.parse(bytesOf(source, PRELUDE_BYTES, headerBytes).toString()) as Header
  const isOld = OLD_FORMATS.includes(header.format) && first === undefined
  if (header.format !== FORMAT && !isOld) return undefined
  if (first !== undefined && first !== header.first) return undefined
  if (bytes !== undefined && bytes !== header.bytes) return undefined
  const names = { ...NO_NAMES, ...header.names }
  return { ...header, names, source, headerBytes, dataAt: PRELUDE_BYTES + headerBytes }
}

/** The rows of a sidecar, or those of one account. */
export function tableOf(sidecar: Sidecar, account?: string): Table {
  const { quarters, names, starts } = sidecar
  const code = account === undefined ? -1 : names.account.indexOf(account)
  const isNone = account !== undefined && code === -1
  const start = code === -1 ? 0 : (starts[code] ?? 0)
  const end = isNone ? 0 : code === -1 ? sidecar.rows : (starts[code + 1] ?? 0)
  const columns: Partial<Record<Column, Numbers>> = {}
  for (const name of COLUMNS) {
    const stored = sidecar.columns[name]
    if (stored !== undefined) columns[name] = slice(sidecar, stored, { start, end })
  }
  return { rows: end - start, quarters, names, columns }
}

/** Where the records of a request begin, in their order. */
export function offsetsOf(
  sidecar: Sidecar,
  { run, count }: { run: string; count: number },
): number[] {
  const range = sidecar.runs.find((one) => one.run === run)
  if (range === undefined || count < range.min || count > range.max) return []
  const counts = slice(sidecar, sidecar.index.count, range)
  const offsets = slice(sidecar, sidecar.index.offset, range)
  const found: number[] = []
  for (let row = firstAtLeast(counts, count); counts[row] === count; row++)
    found.push(offsets[row] ?? 0)
  return found.sort((a, b) => a - b)
}

function firstAtLeast(sorted: Numbers, value: number): number {
  let [before, after] = [-1, sorted.length]
  while (after - before > 1) {
    const middle = (before + after) >> 1
    if ((sorted[middle] ?? 0) < value) before = middle
    else after = middle
  }
  return after
}

function slice(
  { source, dataAt }: Sidecar,
  { width, at }: Stored,
  { start, end }: { start: number; end: number },
): Numbers {
  const values = new WIDTHS[width](end - start)
  const from = dataAt + at + start * values.BYTES_PER_ELEMENT
  source.read(new Uint8Array(values.buffer), from)
  return values
}

function bytesOf(source: Source, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, source.read(bytes, from))
}

/** Columns one behind the other, each in the narrowest numbers that hold it. */
class Data {
  readonly parts: Buffer[] = []
  #bytes = 0

  add(values: ArrayLike<number>): Stored {
    const width = widthFor(values)
    const array = new WIDTHS[width](values)
    const at = this.#bytes
    this.parts.push(Buffer.from(array.buffer))
    this.#bytes += array.byteLength
    return { width, at }
  }
}

function widthFor(values: ArrayLike<number>): Width {
  let largest = 0
  for (let at = 0; at < values.length; at++) largest = Math.max(largest, values[at] ?? 0)
  if (largest <= 0xff) return 'u8'
  if (largest <= 0xffff) return 'u16'
  return largest <= 0xffff_ffff ? 'u32' : 'f64'
}

/** An account's rows stand together: its own usage is read without the others'. */
function byAccount({ rows, names, columns }: Table) {
  const accounts = [...names.account].sort()
  const rank = new Map(accounts.map((name, at) => [name, at]))
  const ranks = names.account.map((name) => rank.get(name) ?? 0)
  const codes = columns.account ?? new Uint8Array(rows)
  const groups: number[][] = accounts.map(() => [])
  for (let row = 0; row < rows; row++) groups[ranks[codes[row] ?? 0] ?? 0]?.push(row)
  const starts = [0]
  for (const group of groups) starts.push((starts.at(-1) ?? 0) + group.length)
  return { order: groups.flat(), accounts, starts }
}

function byRun({ runs, run, count }: Tally['index']): { ranges: RunRange[]; rows: Uint32Array } {
  const sorted = ordered(rowsByCount(count), run, runs.length)
  const ranges = runs.map((name, code): RunRange => {
    const [start, end] = [sorted.starts[code] ?? 0, sorted.starts[code + 1] ?? 0]
    const countAt = (place: number): number => count[sorted.rows[place] ?? 0] ?? 0
    return { run: name, start, end, min: countAt(start), max: countAt(end - 1) }
  })
  return { ranges, rows: sorted.rows }
}
