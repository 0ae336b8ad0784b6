/** What a kind of credential takes longer than another, by the medians of rounds in which both had their turn. */
export type Difference = Readonly<{ mean: number; low: number; high: number }>

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [before = 0, after = 0] = [sorted[middle - 1 + (sorted.length % 2)], sorted[middle]]
  return (before + after) / 2
}

/** With the interval in which the true difference is in nineteen of twenty cases: two standard errors either way. */
export function differenceOf(rounds: readonly number[], others: readonly number[]): Difference {
  const differences = rounds.map((value, at) => value - (others[at] ?? 0))
  const mean = differences.reduce((sum, one) => sum + one, 0) / differences.length
  const squares = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const error = Math.sqrt(squares / (differences.length - 1) / differences.length)
  return { mean, low: mean - 2 * error, high: mean + 2 * error }
}
