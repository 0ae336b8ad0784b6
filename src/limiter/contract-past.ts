import { expect, test } from 'vitest'
import { rulesOf } from '../domain/limit-rule.ts'
import { micro } from '../domain/money.ts'
import { NO_USAGE } from '../domain/usage.ts'
import { claimOf, countPassing, passes, type Open, type Question } from './contract-world.ts'

/** What was used before the counters began. */
export function pastFacts(open: Open): void {
  test('of a model, what it was asked for counts, and not what it answered for another', async () => {
    const asked: Question[] = []
    const { limiter } = await open((question) => {
      asked.push(question)
      return []
    })
    const subject = { kind: 'model', id: 'scarce' } as const
    await limiter.budget(rulesOf(subject, { requestsPerDay: 5 }, 'UTC')).take(claimOf())
    expect(asked.map(({ only, of }) => [only, of])).toEqual([[{ asked: 'scarce' }, 'own']])
  })

  countedFacts(open)
}

function countedFacts(open: Open): void {
  test('what was used before it began to count is looked up, for whom it counts', async () => {
    const asked: Question[] = []
    const { clock, budget } = await open((question) => {
      asked.push(question)
      if (question.groupBy.length === 0) return [{ by: '', sums: { charged: micro(70n) } }]
      const usage = { ...NO_USAGE, input: 30, output: 60 }
      return [
        { by: '2026-11-20T11:00+00:00', sums: { requests: 1, usage } },
        { by: '2026-11-21T10:00+00:00', sums: { requests: 2, usage } },
      ]
    })
    clock.pass(30 * 60_000) // half of the first hour is more than a day ago, and all of it counts
    const mine = budget({ requestsPerDay: 5, tokensPerDay: 1_000, spendPerMonth: '100' })
    const { requests, tokens } = await mine.take(claimOf(0, 30n))
    expect([requests?.left, tokens?.left]).toEqual([1, 820])
    expect((await mine.take(claimOf(0, 1n))).refusal?.rule.of).toBe('spend')
    expect(asked.every(({ only }) => only.account === 'acme')).toBe(true)
  })

  test('many at once wait for that look, and exactly the limit passes', async () => {
    const { budget } = await open(() => [
      { by: '2026-11-21T10:00+00:00', sums: { requests: 2, usage: NO_USAGE } },
    ])
    const mine = budget({ requestsPerDay: 5 })
    expect(await countPassing(100, () => mine.take(claimOf()))).toBe(3)
  })

  test('where that look fails the request is told so, and the next one looks again', async () => {
    let isBroken = true
    const { budget } = await open(() => {
      if (isBroken) throw new Error('the disk is gone')
      return []
    })
    const mine = budget({ requestsPerDay: 5 })
    await expect(mine.take(claimOf())).rejects.toThrow('the disk is gone')
    isBroken = false
    expect(passes(await mine.take(claimOf()))).toBe(true)
  })

  test('a limit that changes is applied to what was counted', async () => {
    const { budget } = await open()
    const take = (requestsPerMinute: number) => budget({ requestsPerMinute }).take(claimOf())
    expect(await countPassing(10, () => take(3))).toBe(3)
    expect(await countPassing(10, () => take(5))).toBe(2)
    expect(await countPassing(10, () => take(4))).toBe(0)
  })
}
