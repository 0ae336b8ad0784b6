import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ExtraBudget, MovingP95 } from './hedge.ts'

/** A small generator, so that a seed gives the same numbers everywhere. */
function lots(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test('what is asked twice is never more than its share of what is asked', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50_000 }), { maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (requests, share) => {
        const budget = new ExtraBudget()
        let [asked, twice] = [0, 0]
        for (const tokens of requests) {
          asked += tokens
          budget.asked(tokens, share)
          if (budget.take(tokens)) twice += tokens
          expect(twice).toBeLessThanOrEqual(asked * share + 1e-6)
        }
      },
    ),
  )
})

test('95 of 100 samples are below the moving percentile, also after all of them have become slower', () => {
  const chance = lots(7)
  const p95 = new MovingP95()
  const sample = (usual: number) => usual * Math.exp(chance() + chance() + chance())
  for (const usual of [100, 400]) {
    for (let count = 0; count < 3_000; count++) p95.add(sample(usual))
    let above = 0
    for (let count = 0; count < 10_000; count++) {
      const next = sample(usual)
      if (next > (p95.value ?? 0)) above++
      p95.add(next)
    }
    expect(above / 10_000).toBeGreaterThan(0.04)
    expect(above / 10_000).toBeLessThan(0.06)
  }
})

test('nothing is said of it before there are twenty samples', () => {
  const p95 = new MovingP95()
  for (let count = 0; count < 19; count++) p95.add(100)
  expect(p95.value).toBeUndefined()
  p95.add(100)
  expect(p95.value).toBe(100)
})
