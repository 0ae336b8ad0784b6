import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allTokens, BUCKETS, type Usage } from './usage.ts'

const counts = fc.tuple(...BUCKETS.map(() => fc.nat(1_000_000)))

test('all tokens are those of every bucket, each once', () => {
  fc.assert(
    fc.property(counts, (list) => {
      const pairs = BUCKETS.map((bucket, at): [string, number] => [bucket, list[at] ?? 0])
      const usage = Object.fromEntries(pairs) as Usage
      expect(allTokens(usage)).toBe(list.reduce((a, b) => a + b, 0))
    }),
  )
})
