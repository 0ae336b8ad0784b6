import { expect, test } from 'vitest'
import { sceneOf } from './contract-chain.ts'
import { chargeOf, holdOf, NOT_SENT, type Facts } from './contract.ts'

/** The part of the store contract that is about what runs, and who wants to know of it. */
export function inFlightFacts(facts: Facts): void {
  const { at } = facts
  const { shop, hold, charge } = sceneOf(facts)
  const seen = (of: 'account' | 'key', id: string) =>
    at.store.ledger.inFlight(of, id).map(({ id, amount }) => [id, amount])

  test('each account of a chain sees what runs at its own price, and is told what it paid', async () => {
    await shop()
    const { ledger } = at.store
    await hold('r1', 165n)
    await ledger.hold(holdOf('h1', 50n))
    expect(seen('account', 'shop')).toEqual([['r1', 165n]])
    expect(seen('account', 'store')).toEqual([['r1', 110n]])
    expect(seen('key', 'key_acme')).toEqual([
      ['r1', 165n],
      ['h1', 50n],
    ])
    const paid: [string, bigint][] = []
    for (const who of ['shop', 'acme'])
      for (const { id, whenEnded } of ledger.inFlight('account', who))
        whenEnded((amount) => paid.push([`${who} ${id}`, amount]))
    await ledger.settle(charge('r1', 60n))
    await ledger.release('h1', NOT_SENT)
    await ledger.settle(charge('r1', 60n))
    expect(paid).toEqual([
      ['shop r1', 99n],
      ['acme r1', 60n],
      ['acme h1', 0n],
    ])
    expect(seen('account', 'acme')).toEqual([])
  })

  test('what has ended before is durable once all has landed', async () => {
    const { ledger } = at.store
    await ledger.hold(holdOf('h1', 50n))
    const order: string[] = []
    const settling = ledger.settle(chargeOf('h1', 20n)).then(() => order.push('settled'))
    expect(seen('account', 'acme')).toEqual([])
    await ledger.landed()
    order.push('landed')
    await settling
    expect(order).toEqual(['settled', 'landed'])
  })
}
