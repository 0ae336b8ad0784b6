import { expect, test } from 'vitest'
import { PassingMap } from './passing-map.ts'

test('has what is in it in the order in which it came, however much has come and gone', () => {
  const [map, expected] = [new PassingMap<string, number>(), new Map<string, number>()]
  for (let n = 0; n < 20_000; n++) {
    map.set(`h${n}`, n)
    expected.set(`h${n}`, n)
    if (n % 3 === 0) map.set(`h${n - 7}`, -n)
    if (n % 3 === 0) expected.set(`h${n - 7}`, -n)
    // Most go soon, one in a hundred stays.
    const gone = `h${n - (n % 40)}`
    if (n % 100 !== 0) expect(map.delete(gone)).toBe(expected.delete(gone))
    expect(map.size).toBe(expected.size)
  }
  expect(map.size).toBeGreaterThan(200)
  expect([...map.keys()]).toEqual([...expected.keys()])
  expect([...map.values()]).toEqual([...expected.values()])
  expect([map.has('h1'), map.get('h1'), map.has('none')]).toEqual([
    expected.has('h1'),
    expected.get('h1'),
    false,
  ])
})
