/**
 * Sorts some hundred thousand rows by small numbers: counted, not compared, which takes a fifth of the time.
 */

export type Ordered = Readonly<{
  rows: Uint32Array
  /** Where the rows of each number begin, and behind the last where they end. */
  starts: Uint32Array
}>

/** Rows by their numbers, which are below `limit`; those with the same one stay in their order. */
export function ordered(rows: Uint32Array, numbers: ArrayLike<number>, limit: number): Ordered {
  const starts = new Uint32Array(limit + 1)
  for (let at = 0; at < rows.length; at++) {
    const number = numbers[rows[at] ?? 0] ?? 0
    starts[number + 1] = (starts[number + 1] ?? 0) + 1
  }
  for (let number = 0; number < limit; number++)
    starts[number + 1] = (starts[number + 1] ?? 0) + (starts[number] ?? 0)
  const next = starts.slice()
  const sorted = new Uint32Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] ?? 0
    const number = numbers[row] ?? 0
    const place = next[number] ?? 0
    sorted[place] = row
    next[number] = place + 1
  }
  return { rows: sorted, starts }
}

const LOW_BITS = 11
const [LOW, MIDDLE] = [2 ** LOW_BITS, 2 ** (2 * LOW_BITS)]
/** The number in a request's id has ten digits. */
const HIGH_MAX = Math.floor(10 ** 10 / MIDDLE)

/** All rows by the number in their request's id: three parts of it, the lowest first. */
export function rowsByCount(count: Float64Array): Uint32Array {
  const rows = new Uint32Array(count.length)
  const low = new Uint16Array(count.length)
  const middle = new Uint16Array(count.length)
  const high = new Uint16Array(count.length)
  for (let row = 0; row < count.length; row++) {
    const value = count[row] ?? 0
    const top = Math.floor(value / MIDDLE)
    const rest = value - top * MIDDLE
    high[row] = top
    middle[row] = rest >> LOW_BITS
    low[row] = rest & (LOW - 1)
    rows[row] = row
  }
  const byLow = ordered(rows, low, LOW)
  const byMiddle = ordered(byLow.rows, middle, LOW)
  return ordered(byMiddle.rows, high, HIGH_MAX + 1).rows
}

/** What the rows have in a column, in their order. */
export function picked(column: ArrayLike<number>, rows: Uint32Array): Float64Array {
  const values = new Float64Array(rows.length)
  for (let at = 0; at < rows.length; at++) values[at] = column[rows[at] ?? 0] ?? 0
  return values
}
