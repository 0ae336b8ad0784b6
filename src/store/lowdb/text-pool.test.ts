import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TextPool } from './text-pool.ts'

const NAME = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', 'ba'),
  fc.stringMatching(/^[ -~]{60,70}$/),
  fc.stringMatching(/^[ -~]{0,9}$/),
)

test('a text is what its bytes say, whatever was made before, also of the same hash', () => {
  const pool = new TextPool()
  fc.assert(
    fc.property(fc.array(fc.record({ name: NAME, hash: fc.nat(2) })), (names) => {
      const bytes = Buffer.from(names.map(({ name }) => name).join('"'))
      let start = 0
      for (const { name, hash } of names) {
        const end = start + name.length
        expect(pool.text(bytes, { start, end, hash })).toBe(name)
        start = end + 1
      }
    }),
  )
})

test('a long text does not change what its neighbours were made of', () => {
  const pool = new TextPool()
  const made = (text: string, hash: number): string =>
    pool.text(Buffer.from(text), { start: 0, end: text.length, hash })
  made('first', 1)
  made(`${'x'.repeat(64)}other`, 0)
  expect(made('other', 1)).toBe('other')
})
