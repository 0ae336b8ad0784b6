import { expect, test } from 'vitest'
import { spendNames } from '../domain/limit-rule.ts'
import { micro } from '../domain/money.ts'
import { claimOf, passes, ZONE, type Open } from './contract-world.ts'

const NAMES = spendNames({ kind: 'account', id: 'acme' }, ZONE)

/** What ran already when its account got a cap. */
export function runningFacts(open: Open): void {
  test('what runs when a cap is set is held from then on, and spent when it ends', async () => {
    const { running, budget } = await open()
    running.begin('first', 60n)
    running.begin('second', 30n)
    const mine = budget({ spendPerDay: '100' })
    const used = async () => (await mine.state()).map((state) => state.used)
    expect(await used()).toEqual([90n])
    expect(passes(await mine.take(claimOf(0, 11n)))).toBe(false)
    running.end('first', 10n)
    running.end('second', 0n)
    expect(await used()).toEqual([10n])
    expect(passes(await mine.take(claimOf(0, 91n)))).toBe(false)
    expect(passes(await mine.take(claimOf(0, 90n)))).toBe(true)
  })

  test('what ends while the past is looked up counts once', async () => {
    let [looks, past] = [0, 0n]
    let meanwhile: () => void = () => undefined
    const { running, budget } = await open(() => {
      if (looks++ === 0) meanwhile()
      return [{ by: '', sums: { charged: micro(past) } }]
    })
    running.begin('first', 60n)
    meanwhile = () => {
      running.end('first', 20n)
      past = 20n
    }
    const mine = budget({ spendPerDay: '100' })
    expect((await mine.state()).map(({ used }) => used)).toEqual([20n])
    expect(looks).toBe(2)
  })

  laterFacts(open)
}

function laterFacts(open: Open): void {
  test('of a cap that was lifted, what was let in before runs on in it, and what was let in meanwhile joins', async () => {
    const { running, limiter, budget } = await open()
    const before = claimOf(0, 5n)
    const mine = budget({ spendPerDay: '100' })
    await mine.take(before)
    running.begin('before', 5n)
    limiter.lapse(NAMES)
    running.begin('meanwhile', 40n)
    limiter.lapse(NAMES)
    const used = async () => (await mine.state()).map((state) => state.used)
    expect(await used()).toEqual([45n])
    mine.settle(before, 0, micro(3n))
    running.end('before', 3n)
    running.end('meanwhile', 30n)
    expect(await used()).toEqual([33n])
  })

  test('where the look into the past fails, what runs is held once all the same', async () => {
    let isBroken = true
    const { running, budget } = await open(() => {
      if (isBroken) throw new Error('the disk is gone')
      return []
    })
    running.begin('first', 60n)
    const mine = budget({ spendPerDay: '100' })
    await expect(mine.take(claimOf(0, 1n))).rejects.toThrow('the disk is gone')
    running.begin('second', 7n) // nobody could count it, so it passed
    isBroken = false
    expect((await mine.state()).map(({ used }) => used)).toEqual([67n])
  })
}
