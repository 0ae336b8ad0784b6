import { micro } from '../../../domain/money.ts'
import type { LocalTime } from '../../../domain/time-zone.ts'
import type { UsagePage, UsageQuery, UsageSums } from '../../../domain/usage-query.ts'
import { BUCKETS, NO_USAGE, type Bucket } from '../../../domain/usage.ts'
import { joinAmount } from './amounts.ts'
import { tooManyRows } from './refusals.ts'
import { groupRows, LEFT_OUT } from './row-groups.ts'
import { AMOUNTS, MEASURES, type Measure, type Table } from './table.ts'

/** More rows than anybody reads; all of them are kept until the last table is in. */
const GROUPS_MAX = 250_000

/** Adds up tables by what a query asks for. */
export class TableSums {
  readonly #query: UsageQuery
  readonly #local: LocalTime
  readonly #groups = new Map<string, Group>()
  readonly #total = emptyGroup([])

  constructor(query: UsageQuery, local: LocalTime) {
    this.#query = query
    this.#local = local
  }

  add(table: Table): void {
    const { groupOf, labels } = groupRows(table, this.#query, this.#local)
    const sums = MEASURES.flatMap((measure): [Measure, Float64Array][] => {
      const column = table.columns[measure]
      return column === undefined ? [] : [[measure, sumColumn(column, groupOf, labels.length)]]
    })
    for (const [at, by] of labels.entries()) {
      const measures: Measures = Object.fromEntries(
        sums.map(([measure, values]) => [measure, values[at] ?? 0]),
      )
      // With nothing to group by there is a group without rows.
      if (Object.values(measures).every((value) => value === 0)) continue
      addTo(this.#groupOf(by), measures)
      addTo(this.#total, measures)
    }
  }

  page(): UsagePage {
    const { after, rowsMax, groupBy } = this.#query
    const compare = orderOf(groupBy.indexOf('hour'))
    const sorted = [...this.#groups.values()].sort((a, b) => compare(a.by, b.by))
    const rest = after === undefined ? sorted : sorted.filter(({ by }) => compare(by, after) > 0)
    const rows = rest.slice(0, rowsMax).map((group) => ({ by: group.by, sums: sumsOf(group) }))
    return { rows, total: sumsOf(this.#total), hasMore: rest.length > rowsMax }
  }

  #groupOf(by: readonly string[]): Group {
    const id = by.join('\n')
    const known = this.#groups.get(id)
    if (known !== undefined) return known
    if (this.#groups.size >= GROUPS_MAX) throw tooManyRows(GROUPS_MAX)
    const made = emptyGroup(by)
    this.#groups.set(id, made)
    return made
  }
}

/** The loop that meets a million rows. */
function sumColumn(column: ArrayLike<number>, groupOf: Int32Array, groups: number): Float64Array {
  const values = new Float64Array(groups)
  for (let row = 0; row < groupOf.length; row++) {
    const group = groupOf[row] ?? LEFT_OUT
    if (group !== LEFT_OUT) values[group] = (values[group] ?? 0) + (column[row] ?? 0)
  }
  return values
}

type Measures = Readonly<Partial<Record<Measure, number>>>

type Group = {
  readonly by: readonly string[]
  requests: number
  estimated: number
  readonly usage: Record<Bucket, number>
  cost: bigint
  charged: bigint
  sold: bigint
  refunded: bigint
  returned: bigint
  forgiven: bigint
}

const emptyGroup = (by: readonly string[]): Group => ({
  ...{ by, requests: 0, estimated: 0, usage: { ...NO_USAGE } },
  ...{ cost: 0n, charged: 0n, sold: 0n, refunded: 0n, returned: 0n, forgiven: 0n },
})

function addTo(group: Group, measures: Measures): void {
  group.requests += measures.requests ?? 0
  group.estimated += measures.estimated ?? 0
  for (const bucket of BUCKETS) group.usage[bucket] += measures[bucket] ?? 0
  for (const amount of AMOUNTS) {
    const [high, low] = [measures[`${amount}High`] ?? 0, measures[`${amount}Low`] ?? 0]
    group[amount] += joinAmount({ high, low })
  }
}

const sumsOf = ({ by: _by, cost, charged, sold, ...rest }: Group): UsageSums => ({
  ...{ ...rest, cost: micro(cost), charged: micro(charged), sold: micro(sold) },
  ...{ refunded: micro(rest.refunded), returned: micro(rest.returned) },
  forgiven: micro(rest.forgiven),
})

type Order = (a: readonly string[], b: readonly string[]) => number

/** By name, and hours by when they were: in autumn the same hour by the clock comes twice. */
function orderOf(hourAt: number): Order {
  return (a, b) => {
    for (const [at, one] of a.entries()) {
      const other = b[at] ?? ''
      if (one === other) continue
      if (at === hourAt) return Date.parse(one) - Date.parse(other)
      return one < other ? -1 : 1
    }
    return 0
  }
}
