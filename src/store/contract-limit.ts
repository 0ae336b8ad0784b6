import { expect, test } from 'vitest'
import { micro } from '../domain/money.ts'
import { sceneOf } from './contract-chain.ts'
import { chargeOf, holdOf, type Facts } from './contract.ts'

/** The part of the store contract that is about the most that a caller said they would pay. */
export function limitFacts(facts: Facts): void {
  const { at, reopen, credit } = facts
  const { shop, ofShop, charge, credits } = sceneOf(facts)

  test('a charge stays within it, though more is free, and reaches it above the hold', async () => {
    for (const id of ['h1', 'h2'])
      await at.store.ledger.hold({ ...holdOf(id, 100n), most: micro(300n) })
    const answer = await at.store.ledger.settle(chargeOf('h1', 500n))
    expect(answer).toMatchObject({ kind: 'settled', charged: 300n, balance: 700n })
    await at.store.ledger.settle(chargeOf('h2', 250n))
    expect(credit()).toEqual([450n, 0n])
  })

  test('a charge after a restart stays within it, too', async () => {
    await at.store.ledger.hold({ ...holdOf('h1', 100n), most: micro(300n) })
    await reopen()
    await at.store.ledger.endOrphan('h1', micro(500n))
    expect(credit()).toEqual([700n, 0n])
  })

  test('it is shared by the accounts above, each at its own price', async () => {
    await shop()
    await at.store.ledger.hold({ ...holdOf('r1', 33n, 'shop'), ...ofShop(), most: micro(66n) })
    await at.store.ledger.settle(charge('r1', 100n))
    expect(credits()).toEqual([
      [1_000n - 66n, 0n],
      [1_000n - 44n, 0n],
      [1_000n - 40n, 0n],
    ])
  })
}
