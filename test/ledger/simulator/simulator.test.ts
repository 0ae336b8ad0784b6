import { expect, test } from 'vitest'
import { simulateMany } from './many.ts'

/** The quick share of `npm run test:crash`. */
const SEEDS = 40

test('whatever happens in whichever order, a restart finds all that was acknowledged, once', async () => {
  let done = 0
  await simulateMany({ seed: 1, seeds: SEEDS, steps: 300, onSeed: () => done++ })
  expect(done).toBe(SEEDS)
}, 120_000)
