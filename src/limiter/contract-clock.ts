import { expect, test } from 'vitest'
import type { Limits } from '../domain/limit.ts'
import { micro, ZERO } from '../domain/money.ts'
import { claimOf, DAY, MINUTE, passes, type Open } from './contract-world.ts'

const HOUR = 3_600_000
const RATES: [Limits, windowMs: number][] = [
  [{ requestsPerMinute: 1 }, MINUTE],
  [{ tokensPerMinute: 10 }, MINUTE],
  [{ requestsPerDay: 1 }, DAY],
  [{ tokensPerDay: 10 }, DAY],
]
const STEPS = [HOUR, -HOUR, DAY, -DAY, 365 * DAY]

/** Whoever sets a clock gives nobody more than they may have, and takes nothing from anybody. */
export function clockFacts(open: Open): void {
  rateFacts(open)
  spendingFacts(open)
  dayFacts(open)
}

function rateFacts(open: Open): void {
  test.each(RATES)('setting the clock neither resets nor extends %j', async (limits, windowMs) => {
    for (const step of STEPS) {
      const { clock, budget } = await open()
      const mine = budget(limits)
      const claim = claimOf(10)
      expect(passes(await mine.take(claim))).toBe(true)
      mine.settle(claim, 10, ZERO) // while it runs, the wait is for its end
      clock.now += step
      const { refusal } = await mine.take(claimOf(10))
      expect(refusal?.waitMs).toBeGreaterThan(windowMs - 1)
      clock.ticks += refusal?.waitMs ?? 0
      clock.now -= step
      expect(passes(await mine.take(claimOf(10)))).toBe(true)
    }
  })
}

function spendingFacts(open: Open): void {
  test('a clock that is set within a day, or back, leaves what was spent in it spent', async () => {
    for (const step of [HOUR, -HOUR, -DAY, -365 * DAY]) {
      const { clock, budget } = await open()
      const mine = budget({ spendPerDay: '10', spendPerMonth: '15' })
      const claim = claimOf(0, 10n)
      await mine.take(claim)
      mine.settle(claim, 0, micro(10n))
      clock.now += step
      expect(passes(await mine.take(claimOf(0, 1n)))).toBe(false)
      clock.now -= step
      expect(passes(await mine.take(claimOf(0, 1n)))).toBe(false)
      clock.pass(12 * HOUR) // midnight in Berlin, as if nothing had been
      expect(passes(await mine.take(claimOf(0, 6n)))).toBe(false)
      expect(passes(await mine.take(claimOf(0, 5n)))).toBe(true)
    }
  })

  test('a clock that is set to the next day and back spends of that day, and not twice of this one', async () => {
    const { clock, budget } = await open()
    const mine = budget({ spendPerDay: '10' })
    const spend = async (amount: bigint) => {
      const claim = claimOf(0, amount)
      const isGiven = passes(await mine.take(claim))
      mine.settle(claim, 0, micro(amount))
      return isGiven
    }
    expect(await spend(10n)).toBe(true)
    clock.now += DAY
    expect(await spend(6n)).toBe(true)
    clock.now -= DAY
    expect(await spend(5n)).toBe(false)
    expect(await spend(4n)).toBe(true)
    clock.pass(12 * HOUR) // now that day really begins: it is used up
    expect(await spend(1n)).toBe(false)
    clock.pass(DAY)
    expect(await spend(10n)).toBe(true)
  })
}

function dayFacts(open: Open): void {
  test.each([
    ['25 hours', '2026-10-24T22:00:00Z', 25],
    ['23 hours', '2026-03-28T23:00:00Z', 23],
  ])('the day of %s on which summer time ends or begins is one day', async (_, midnight, hours) => {
    const { clock, budget } = await open()
    clock.now = Date.parse(midnight) + 1
    const mine = budget({ spendPerDay: '10' })
    const claim = claimOf(0, 10n)
    await mine.take(claim)
    mine.settle(claim, 0, micro(10n))
    for (let hour = 1; hour < hours; hour++) {
      clock.pass(HOUR)
      const { refusal } = await mine.take(claimOf(0, 1n))
      expect(refusal?.waitMs).toBe((hours - hour) * HOUR - 1)
    }
    clock.pass(HOUR)
    expect(passes(await mine.take(claimOf(0, 10n)))).toBe(true)
  })

  test('what a clock that was ahead wrote into the books is not forgotten at a restart', async () => {
    const { clock, budget } = await open(({ groupBy, to }) => {
      const later = Date.parse('2026-11-21T13:00Z')
      if (to * 15 * MINUTE <= later) return []
      if (groupBy.length === 0) return [{ by: '', sums: { charged: micro(10n) } }]
      return [{ by: '2026-11-21T13:00+00:00', sums: { requests: 1 } }]
    })
    expect(clock.now).toBeLessThan(Date.parse('2026-11-21T12:00Z'))
    expect(passes(await budget({ requestsPerDay: 1 }).take(claimOf()))).toBe(false)
    expect(passes(await budget({ spendPerDay: '10' }).take(claimOf(0, 1n)))).toBe(false)
  })
}
