import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue } from './fair-queue.ts'

function queueOf(places: readonly (readonly [account: string, weight?: number])[]) {
  const queue = new FairQueue<string>()
  places.forEach(([account, weight = 1], at) =>
    queue.add({ account, weight, item: `${account}${at}` }, 0),
  )
  return queue
}

const served = (queue: FairQueue<string>, nowTicks = 0) =>
  Array.from({ length: queue.length }, () => queue.next(nowTicks))

test('an account that sends much does not keep the others waiting', () => {
  const queue = queueOf([['a'], ['a'], ['a'], ['a'], ['b'], ['c']])
  expect(served(queue)).toEqual(['a0', 'b4', 'c5', 'a1', 'a2', 'a3'])
})

test('an account of weight two has two in its turn', () => {
  const queue = queueOf([['a', 2], ['a', 2], ['a', 2], ['b'], ['b']])
  expect(served(queue)).toEqual(['a0', 'a1', 'b3', 'a2', 'b4'])
})

test('the newest go first once the oldest has waited for more than half a second', () => {
  expect(served(queueOf([['a'], ['a']]), 500)).toEqual(['a0', 'a1'])
  expect(served(queueOf([['a'], ['a']]), 501)).toEqual(['a1', 'a0'])
})

test('who leaves is not served, and leaving again does nothing', () => {
  const queue = queueOf([['a']])
  const leave = queue.add({ account: 'a', weight: 1, item: 'gone' }, 0)
  leave()
  leave()
  expect(served(queue)).toEqual(['a0'])
})

test('everybody who stays is served exactly once', () => {
  const place = fc.record({ account: fc.constantFrom('a', 'b', 'c'), leaves: fc.boolean() })
  fc.assert(
    fc.property(fc.array(place), (places) => {
      const queue = new FairQueue<number>()
      const leaving = places.map(({ account }, item) => queue.add({ account, weight: 1, item }, 0))
      places.forEach(({ leaves }, at) => {
        if (leaves) leaving[at]?.()
      })
      const all = Array.from({ length: queue.length }, () => queue.next(0))
      const staying = places.flatMap(({ leaves }, at) => (leaves ? [] : [at]))
      expect(all.toSorted((one, other) => Number(one) - Number(other))).toEqual(staying)
    }),
  )
})
