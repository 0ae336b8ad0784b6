import { expect, test } from 'vitest'
import { simulateMany } from './many.ts'
import { simulate } from './simulate.ts'

/** The quick share of `npm run test:crash`. */
const SEEDS = 30

test('whatever happens in whichever order, a restart finds all that was acknowledged, once', async () => {
  let done = 0
  await simulateMany({ seed: 1, seeds: SEEDS, steps: 300, onSeed: () => done++ })
  expect(done).toBe(SEEDS)
}, 120_000)

test('a seed does the same each time', async () => {
  const [once, again] = [
    await simulate({ seed: 9, steps: 400 }),
    await simulate({ seed: 9, steps: 400 }),
  ]
  expect(again.trace).toEqual(once.trace)
  expect(once.broken).toBeUndefined()
  expect(once.trace.length).toBeGreaterThan(200)
})
