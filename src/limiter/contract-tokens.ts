import { expect, test } from 'vitest'
import { rulesOf } from '../domain/limit-rule.ts'
import { ZERO } from '../domain/money.ts'
import {
  accountRules,
  claimOf,
  countPassing,
  DAY,
  MINUTE,
  passes,
  ZONE,
  type Open,
} from './contract-world.ts'

/** Several rules at once, and tokens. */
export function tokenFacts(open: Open): void {
  runningFacts(open)
  test('a request that one rule refuses takes nothing of the others', async () => {
    const { limiter, budget } = await open()
    const key = rulesOf({ kind: 'key', id: 'k' }, { requestsPerMinute: 1 }, ZONE)
    const both = limiter.budget([
      ...accountRules({ requestsPerMinute: 5, tokensPerMinute: 100 }),
      ...key,
    ])
    expect(await countPassing(50, () => both.take(claimOf(10)))).toBe(1)
    const { requests, tokens } = await budget({ requestsPerMinute: 5, tokensPerMinute: 100 }).take(
      claimOf(),
    )
    expect([requests?.left, tokens?.left]).toEqual([3, 90])
  })

  test('of several refusals the one that lasts longest is told', async () => {
    const { budget } = await open()
    const mine = budget({ requestsPerMinute: 1, requestsPerDay: 1 })
    await mine.take(claimOf())
    const { refusal } = await mine.take(claimOf())
    expect(refusal?.rule).toMatchObject({ windowMs: DAY })
    expect(refusal?.waitMs).toBeGreaterThan(DAY - MINUTE)
  })

  test('tokens are settled to what was used, more or less than expected', async () => {
    const { clock, budget } = await open()
    const mine = budget({ tokensPerMinute: 1_000 })
    const [less, more, undone] = [claimOf(400), claimOf(400), claimOf(200)]
    for (const claim of [less, more, undone]) expect(passes(await mine.take(claim))).toBe(true)
    expect(passes(await mine.take(claimOf(1)))).toBe(false)
    mine.settle(less, 100, ZERO)
    mine.settle(less, 0, ZERO)
    mine.settle(more, 450, ZERO)
    mine.undo(undone)
    expect((await mine.take(claimOf())).tokens?.left).toBe(450)
    clock.pass(MINUTE + 250)
    expect((await mine.take(claimOf())).tokens?.left).toBe(1_000)
  })

  test('what could never fit is not told to wait', async () => {
    const { budget } = await open()
    const { refusal } = await budget({ tokensPerMinute: 100 }).take(claimOf(101))
    expect(refusal?.waitMs).toBe(Infinity)
  })
}

function runningFacts(open: Open): void {
  test('where only what runs stands in the way, the wait is short: some of it comes back', async () => {
    const { clock, budget } = await open()
    const mine = budget({ tokensPerMinute: 100 })
    const [one, two] = [claimOf(60), claimOf(30)]
    await mine.take(one)
    await mine.take(two)
    expect((await mine.take(claimOf(50))).refusal?.waitMs).toBeLessThanOrEqual(1_000)
    mine.settle(one, 60, ZERO)
    mine.undo(two)
    expect((await mine.take(claimOf(50))).refusal?.waitMs).toBeGreaterThan(MINUTE - 1_000)
    clock.pass(MINUTE + 250)
    expect(passes(await mine.take(claimOf(50)))).toBe(true)
  })
}
