import type { LocalTime } from '../../../domain/time-zone.ts'
import type { Dimension, UsageQuery } from '../../../domain/usage-query.ts'
import { NAMES, type Table } from './table.ts'

/** Which group each row of a table belongs to, and what the groups are called. */
export type RowGroups = Readonly<{
  /** A number into `labels`, or `LEFT_OUT`. */
  groupOf: Int32Array
  labels: readonly (readonly string[])[]
}>

export const LEFT_OUT = -1

/** Splits the rows by one dimension after the other: however many there are, groups stay small numbers. */
export function groupRows(table: Table, query: UsageQuery, local: LocalTime): RowGroups {
  const groupOf = chosenRows(table, query)
  let labels: string[][] = [[]]
  for (const dimension of query.groupBy)
    labels = splitBy(partOf(table, dimension, local), groupOf, labels)
  return { groupOf, labels }
}

/** All in one group, but for those that the query leaves out. */
function chosenRows({ rows, columns, names, quarters }: Table, query: UsageQuery): Int32Array {
  const { from, to, only, of = 'own' } = query
  const keeps: [ArrayLike<number> | undefined, boolean[]][] = [
    [columns.quarter, quarters.map((quarter) => quarter >= from && quarter < to)],
  ]
  for (const name of NAMES) {
    if (name === 'asked') continue
    const wanted = only[name === 'below' ? 'sub_account' : name]
    if (wanted !== undefined) keeps.push([columns[name], names[name].map((one) => one === wanted)])
  }
  if (of !== 'both')
    keeps.push([columns.below, names.below.map((one) => (one === '') === (of === 'own'))])
  const groupOf = new Int32Array(rows)
  for (const [column, keep] of keeps.filter(([, each]) => each.includes(false))) {
    for (let row = 0; row < rows; row++) if (!keep[column?.[row] ?? 0]) groupOf[row] = LEFT_OUT
  }
  if (only.asked !== undefined) leaveOutOthers({ columns, names }, groupOf, only.asked)
  return groupOf
}

/** It was asked for by its name; or it answered, and nothing says that another was asked for. */
function leaveOutOthers(
  { columns, names }: Pick<Table, 'columns' | 'names'>,
  groupOf: Int32Array,
  model: string,
): void {
  for (let row = 0; row < groupOf.length; row++) {
    const asked = names.asked[columns.asked?.[row] ?? 0]
    const answered = names.model[columns.model?.[row] ?? 0]
    if ((asked === '' ? answered : asked) !== model) groupOf[row] = LEFT_OUT
  }
}

type Part = Readonly<{
  column: ArrayLike<number> | undefined
  /** From what stands in the column to a label: several quarters are one day. */
  places: readonly number[]
  labels: readonly string[]
}>

function partOf({ columns, names, quarters }: Table, dimension: Dimension, local: LocalTime): Part {
  const name = dimension === 'sub_account' ? 'below' : dimension
  const all =
    name === 'day' || name === 'hour'
      ? quarters.map(name === 'day' ? local.dayOf : local.hourOf)
      : names[name]
  const labels = [...new Set(all)]
  const place = new Map(labels.map((label, at) => [label, at]))
  const places = all.map((label) => place.get(label) ?? 0)
  return { column: columns[name === 'day' || name === 'hour' ? 'quarter' : name], places, labels }
}

/** Changes `groupOf`, and answers what the new groups are called. */
function splitBy({ column, places, labels }: Part, groupOf: Int32Array, before: string[][]) {
  const made: string[][] = []
  const known = numbersBelow(before.length * labels.length)
  for (let row = 0; row < groupOf.length; row++) {
    const group = groupOf[row] ?? LEFT_OUT
    if (group === LEFT_OUT) continue
    const place = places[column?.[row] ?? 0] ?? 0
    const id = group * labels.length + place
    let next = known.get(id)
    if (next === undefined) {
      next = made.push([...(before[group] ?? []), labels[place] ?? '']) - 1
      known.set(id, next)
    }
    groupOf[row] = next
  }
  return made
}

type NumberMap = { get(id: number): number | undefined; set(id: number, value: number): unknown }

const DENSE_MAX = 1 << 20

/** A map is three times slower than an array, and there is a look for each row. */
function numbersBelow(size: number): NumberMap {
  if (size > DENSE_MAX) return new Map<number, number>()
  const values = new Int32Array(size).fill(-1)
  return {
    get(id) {
      const value = values[id]
      return value === -1 ? undefined : value
    },
    set: (id, value) => (values[id] = value),
  }
}
