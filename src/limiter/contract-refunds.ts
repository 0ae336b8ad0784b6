import { expect, test } from 'vitest'
import { spendNames } from '../domain/limit-rule.ts'
import { micro } from '../domain/money.ts'
import { claimOf, DAY, passes, ZONE, type Open } from './contract-world.ts'

const NAMES = spendNames({ kind: 'account', id: 'acme' }, ZONE)

/** What was given back is not spent any more. */
export function refundFacts(open: Open): void {
  lookedUpFacts(open)

  test('what is given back of a charge may be spent again, as long as the day of that charge lasts', async () => {
    const { clock, limiter, budget } = await open()
    const mine = budget({ spendPerDay: '100', spendPerWeek: '1000', spendPerMonth: '1000' })
    const used = async () => (await mine.state()).map((state) => state.used)
    const claim = claimOf(0, 90n)
    await mine.take(claim)
    mine.settle(claim, 0, micro(90n))
    const giveBack = (amount: bigint, spentMs: number) => {
      limiter.giveBack(NAMES, { amount: micro(amount), spentMs })
    }
    giveBack(20n, clock.now)
    expect(await used()).toEqual([70n, 70n, 70n])
    expect(passes(await mine.take(claimOf(0, 31n)))).toBe(false)
    giveBack(1n, clock.now)
    expect(passes(await mine.take(claimOf(0, 31n)))).toBe(true)
    expect(await used()).toEqual([100n, 100n, 100n]) // 31 of them run
    clock.pass(DAY) // a Sunday
    giveBack(9n, clock.now - DAY)
    expect(await used()).toEqual([31n, 91n, 91n])
    clock.pass(DAY) // and a new week
    giveBack(10n, clock.now - 2 * DAY)
    expect(await used()).toEqual([31n, 31n, 81n])
  })

  test('more than was counted is never given back, and nothing to those who were not counted', async () => {
    const { clock, limiter, budget } = await open()
    const mine = budget({ spendPerDay: '100' })
    const claim = claimOf(0, 60n)
    await mine.take(claim)
    limiter.giveBack(NAMES, { amount: micro(90n), spentMs: clock.now })
    limiter.giveBack(['account nobody spend day UTC'], { amount: micro(1n), spentMs: clock.now })
    expect((await mine.state()).map((state) => state.used)).toEqual([60n])
  })
}

function lookedUpFacts(open: Open): void {
  test('what was given back before does not count, and what is given back meanwhile counts once', async () => {
    let looks = 0
    let meanwhile: () => void = () => undefined
    const { clock, limiter, budget } = await open(() => {
      meanwhile()
      const forgiven = looks++ === 0 ? 10n : 25n
      return [{ by: '', sums: { charged: micro(70n), forgiven: micro(forgiven) } }]
    })
    meanwhile = () => {
      if (looks > 0) return
      limiter.giveBack(NAMES, { amount: micro(15n), spentMs: clock.now })
    }
    const mine = budget({ spendPerDay: '100' })
    expect((await mine.state()).map(({ used }) => used)).toEqual([45n])
    expect(looks).toBe(2)
  })

  test('what nobody counted for a while is looked up again, and what runs goes on running', async () => {
    let past = 0n
    const { limiter, budget } = await open(() =>
      past === 0n ? [] : [{ by: '', sums: { charged: micro(past) } }],
    )
    const [paid, running] = [claimOf(0, 10n), claimOf(0, 5n)]
    const before = budget({ spendPerDay: '100' })
    for (const claim of [paid, running]) await before.take(claim)
    before.settle(paid, 0, micro(10n))
    limiter.lapse(NAMES)
    past = 80n
    const after = budget({ spendPerDay: '100' })
    expect((await after.state()).map(({ used }) => used)).toEqual([85n])
    before.settle(running, 0, micro(3n))
    expect((await after.state()).map(({ used }) => used)).toEqual([83n])
  })
}
