import { expect, test } from 'vitest'
import { killStore } from './kill-store.ts'

/** The quick share of `npm run test:crash`. */
const ROUNDS = 40

test('kill -9 at any moment loses nothing that was acknowledged, and doubles nothing', async () => {
  const { ok } = await killStore({ rounds: ROUNDS, seed: 1 })
  expect(ok).toBeGreaterThan(10_000)
}, 120_000)
