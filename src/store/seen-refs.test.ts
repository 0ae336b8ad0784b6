import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SeenRefs } from './seen-refs.ts'

const REF = fc.oneof(
  fc
    .record({ run: fc.constantFrom('0123456789ab', 'ffffffffffff'), n: fc.nat(20_000) })
    .map(({ run, n }) => `req_${run}${1_000_000_000 + n}`),
  fc.constantFrom('grant-1', 'req_short', 'req_0123456789ab100000000', 'key_1'),
)

test('a kind has seen a ref when it has named it before, whatever the form of the ref', () => {
  const entry = fc.tuple(fc.constantFrom('hold', 'overrun'), REF)
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
      const [seen, names] = [new SeenRefs(), new Set<string>()]
      for (const [kind, ref] of entries) {
        const name = `${kind} ${ref}`
        expect(seen.has(kind, ref)).toBe(names.has(name))
        expect(seen.add(kind, ref)).toBe(!names.has(name))
        names.add(name)
      }
    }),
  )
})
