import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ordered, picked, rowsByCount } from './row-order.ts'

const COUNT = fc.oneof(
  fc.constantFrom(0, 1_000_000_000, 9_999_999_999, 2 ** 22, 2 ** 22 - 1),
  fc.nat(50).map((count) => 1_000_000_000 + count),
  fc.nat(2 ** 23).map((count) => 1_000_000_000 + count),
  fc.integer({ min: 1_000_000_000, max: 9_999_999_999 }),
)

test('rows are in the order of the numbers in their ids, and those of one request in their own', () => {
  fc.assert(
    fc.property(fc.array(COUNT), (counts) => {
      const expected = [...counts.keys()].sort((a, b) => (counts[a] ?? 0) - (counts[b] ?? 0))
      expect([...rowsByCount(Float64Array.from(counts))]).toEqual(expected)
    }),
  )
})

test('rows of each run stand together, and it is known where', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(4)), (runs) => {
      const { rows, starts } = ordered(Uint32Array.from(runs.keys()), runs, 5)
      expect([...picked(runs, rows)]).toEqual(runs.toSorted((a, b) => a - b))
      for (let run = 0; run < 5; run++) {
        const own = [...rows.subarray(starts[run], starts[run + 1])]
        expect(own).toEqual([...runs.keys()].filter((row) => runs[row] === run))
      }
    }),
  )
})
