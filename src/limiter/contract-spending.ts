import { expect, test } from 'vitest'
import { addressRule } from '../domain/limit-rule.ts'
import { micro } from '../domain/money.ts'
import { accountRules, claimOf, passes, type Open } from './contract-world.ts'

/** What may be spent, and what is left. */
export function spendingFacts(open: Open): void {
  test('what is undone counts nowhere', async () => {
    const { budget } = await open()
    const limits = { requestsPerMinute: 1, tokensPerMinute: 10, spendPerDay: '5' }
    const mine = budget(limits)
    for (let count = 0; count < 10; count++) {
      const claim = claimOf(10, 5n)
      expect(passes(await mine.take(claim))).toBe(true)
      mine.undo(claim)
    }
  })

  test('what runs and what was spent never come to more than may be spent in a day', async () => {
    const { clock, budget } = await open()
    const mine = budget({ spendPerDay: '100' })
    const [cheap, long] = [claimOf(0, 60n), claimOf(0, 40n)]
    expect(passes(await mine.take(cheap))).toBe(true)
    expect(passes(await mine.take(long))).toBe(true)
    expect(passes(await mine.take(claimOf(0, 1n)))).toBe(false)
    mine.settle(cheap, 0, micro(10n))
    mine.settle(cheap, 0, micro(10n))
    expect(passes(await mine.take(claimOf(0, 51n)))).toBe(false)
    clock.pass(12 * 3_600_000) // midnight in Berlin: the day is over, and what runs will be paid in the next
    expect(passes(await mine.take(claimOf(0, 61n)))).toBe(false)
    mine.settle(long, 0, micro(30n))
    expect(passes(await mine.take(claimOf(0, 70n)))).toBe(true)
  })

  test('the state of the rules is what was used of each, and what is left', async () => {
    const { limiter } = await open()
    const budget = limiter.budget([
      ...accountRules({ requestsPerMinute: 5, spendPerWeek: '100' }),
      addressRule('requests', '198.51.100.1', 3),
    ])
    await budget.take(claimOf(0, 30n))
    const states = await budget.state()
    expect(states.map(({ used }) => used)).toEqual([1, 30n, 1])
    expect(states.map(({ left }) => left)).toEqual([4, 70n, 2])
  })

  test("a refusal says when the day of the account's time zone ends, or that what runs may leave some", async () => {
    const { budget } = await open()
    const mine = budget({ spendPerDay: '10' })
    const claim = claimOf(0, 10n)
    await mine.take(claim)
    expect((await mine.take(claimOf(0, 1n))).refusal?.waitMs).toBe(1_000) // it may turn out cheaper
    mine.settle(claim, 0, micro(10n))
    expect((await mine.take(claimOf(0, 1n))).refusal?.waitMs).toBe(12 * 3_600_000)
  })
}
