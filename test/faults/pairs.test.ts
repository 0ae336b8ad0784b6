import { expect, test } from 'vitest'
import { runPairs } from './seeded-pairs.ts'

/** More of them: npm run test:faults -- --pairs N --seed S */
test('two faults in sequence leave the books clean and each answer whole', async () => {
  const seen: string[] = []
  await runPairs({ pairs: 4, seed: 1, onPair: (_, names) => seen.push(names.join()) })
  expect(seen.length).toBe(4)
}, 120_000)
