import { expect, test } from 'vitest'
import { killGateway } from './ledger/kill-gateway.ts'

/** The quick share of `npm run test:crash`. */
const ROUNDS = 10

test('killed under load and started again, it has charged each answer once, and no failure, and holds nothing', async () => {
  const tally = await killGateway({ rounds: ROUNDS, seed: 1 })
  expect(tally.ok).toBeGreaterThan(100)
  expect(tally.fail).toBeGreaterThan(10)
  expect(tally.unknown).toBeGreaterThan(100)
}, 120_000)
