import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backOffMs, RetryBudget } from './retry-budget.ts'

const terms = { share: 0.1, floor: 3 }

test.each([
  [0, 3],
  [10, 3],
  [200, 20],
])('of %s requests %s may be retried', (requests, retries) => {
  const budget = new RetryBudget()
  for (let at = 0; at < requests; at++) budget.requested(0)
  let count = 0
  for (; budget.allows(0, terms) && count < 1_000; count++) budget.retried(0)
  expect(count).toBe(retries)
})

test('ten seconds later the budget is whole again', () => {
  const budget = new RetryBudget()
  for (let at = 0; at < 3; at++) budget.retried(500)
  expect(budget.allows(9_999, terms)).toBe(false)
  expect(budget.allows(10_500, terms)).toBe(true)
})

test('no back-off is below zero or above two seconds, and the first is below 100 ms', () => {
  const chance = fc.double({ min: 0, max: 0.999, noNaN: true })
  fc.assert(
    fc.property(fc.nat(50), chance, (retries, luck) => {
      const ms = backOffMs(retries, luck)
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(ms).toBeLessThan(2_000)
      if (retries === 0) expect(ms).toBeLessThan(100)
    }),
  )
})
