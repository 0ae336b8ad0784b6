import { BUCKETS } from '../../../domain/usage.ts'

/**
 * The settles of a segment, summed up: a row for each quarter of an hour, account, key, model, deployment and outcome.
 * What an account paid for those below it has rows of its own, which name the one right below, and what that one paid for
 * the same requests. A refund stands with the names of its request and at its own time: what was said of a day that is over
 * stays true. What it gave back stands once more in the row of its charge, as forgiven. Kept in columns of plain numbers, so that a million rows are added up in some tens of milliseconds; names and
 * quarters are numbers into lists.
 */
export const NAMES = [
  'account',
  'key',
  'model',
  'deployment',
  'outcome',
  'below',
  /** The model that was asked for; empty where it answered. */
  'asked',
] as const
export type Name = (typeof NAMES)[number]

const COUNTS = ['requests', 'estimated', ...BUCKETS] as const
export const AMOUNTS = ['cost', 'charged', 'sold', 'refunded', 'returned', 'forgiven'] as const
export type Amount = (typeof AMOUNTS)[number]
/** Amounts of micro-credits do not fit a double, so they stand in two columns: see `amounts.ts`. */
const HALVES = AMOUNTS.flatMap((amount) => [`${amount}High`, `${amount}Low`] as const)
export const MEASURES = [...COUNTS, ...HALVES] as const
export type Measure = (typeof MEASURES)[number]

export const COLUMNS = ['quarter', ...NAMES, ...MEASURES] as const
export type Column = (typeof COLUMNS)[number]

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

export type Table = Readonly<{
  rows: number
  quarters: readonly number[]
  names: Readonly<Record<Name, readonly string[]>>
  /** A column that is not there is zero in every row. */
  columns: Readonly<Partial<Record<Column, Numbers>>>
}>
