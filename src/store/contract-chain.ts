import { expect, test } from 'vitest'
import { micro } from '../domain/money.ts'
import { chargeOf, grant, holdOf, NOT_SENT, PRICE, soon, type Facts } from './contract.ts'

/** The part of the store contract that is about resellers: shop buys of store, which buys of acme, which pays the operator. */
export function chainFacts(facts: Facts): void {
  const scene = { ...facts, ...sceneOf(facts) }
  holdFacts(scene)
  endFacts(scene)
  laterFacts(scene)
  refundFacts(scene)
  treeFacts(scene)
}

const UNTOUCHED = [
  [1_000n, 0n],
  [1_000n, 0n],
  [1_000n, 0n],
]

type Scene = Facts & ReturnType<typeof sceneOf>

export function sceneOf({ at, credit }: Facts) {
  const shop = async (more: { storeHas?: bigint; shopHas?: bigint } = {}) => {
    const { registry } = at.store
    const sub = { tier: 'free', subAccountsMax: 0, by: 'test' }
    await registry.openSubAccount({ id: 'store', parent: 'acme', markup: '0.1', ...sub })
    await registry.openSubAccount({ id: 'shop', parent: 'store', markup: '0.5', ...sub })
    await grant(registry, { id: 'g-store', account: 'store', amount: more.storeHas ?? 1_000n })
    await grant(registry, { id: 'g-shop', account: 'shop', amount: more.shopHas ?? 1_000n })
  }
  /** As the gateway does: everything in the terms of the one who asks. */
  const ofShop = () => {
    const resale = at.store.ledger.resale('shop')
    return { resale, price: resale?.ownPrice(PRICE) ?? PRICE }
  }
  const hold = (id: string, amount: bigint) =>
    at.store.ledger.hold({ ...holdOf(id, amount, 'shop'), ...ofShop() })
  /** A micro-credit a token for acme, so 1.1 for the store and 1.65 for the shop. */
  const charge = (id: string, tokens: bigint) =>
    chargeOf(id, (tokens * 165n + 99n) / 100n, {
      usage: { ...chargeOf(id, tokens).usage },
      price: ofShop().price,
    })
  const credits = () => [credit('shop'), credit('store'), credit('acme')]
  return { shop, ofShop, hold, charge, credits }
}

function holdFacts({ at, shop, hold, charge, credits, ofShop }: Scene): void {
  test('a hold promises the credit of every account above, each at its own price', async () => {
    await shop()
    expect(await hold('r1', 165n)).toEqual({ kind: 'held' })
    expect(credits()).toEqual([
      [1_000n, 165n],
      [1_000n, 110n],
      [1_000n, 100n],
    ])
  })

  test('a hold that was planned by an old markup is refused, and asked for again', async () => {
    await shop()
    const { resale, price } = ofShop()
    await at.store.registry.place('store', { markup: '0.2' }, 'test')
    const late = at.store.ledger.hold({ ...holdOf('r1', 10n, 'shop'), resale, price })
    await expect(late).rejects.toMatchObject({ code: 'credit_held' })
    expect(await hold('r1', 10n)).toEqual({ kind: 'held' })
  })

  test('where one account cannot pay, none promises anything, and what all could pay is told', async () => {
    await shop({ storeHas: 109n })
    const answer = await hold('r1', 165n)
    expect(answer).toEqual({ kind: 'short', credit: { balance: 163n, held: 0n }, isAbove: true })
    expect(await hold('r1', 163n)).toEqual({ kind: 'held' })
    expect(await hold('r2', 1n)).toMatchObject({ kind: 'short' })
    await at.store.ledger.release('r1', NOT_SENT)
    expect(credits()).toEqual([
      [1_000n, 0n],
      [109n, 0n],
      [1_000n, 0n],
    ])
  })

  test('a cap on what a sub-account uses holds for what is held, too, and for all below it', async () => {
    await shop()
    await at.store.registry.place('store', { cap: micro(150n) }, 'test')
    await hold('r1', 165n)
    expect(await hold('r2', 165n)).toMatchObject({ kind: 'short', isAbove: true })
    await at.store.ledger.settle(charge('r1', 100n))
    expect(await hold('r3', 61n)).toMatchObject({ kind: 'short', isAbove: true })
    expect(await hold('r3', 60n)).toEqual({ kind: 'held' })
  })
}

function endFacts({ at, shop, hold, charge, credits }: Scene): void {
  test('a settle charges every account its own price, rounded up once each', async () => {
    await shop()
    await hold('r1', 165n)
    const settled = await at.store.ledger.settle(charge('r1', 33n))
    const charges = [55n, 37n, 33n]
    expect(settled).toEqual({ kind: 'settled', charged: 55n, balance: 945n, charges })
    expect(credits()).toEqual([
      [945n, 0n],
      [963n, 0n],
      [967n, 0n],
    ])
    expect(await at.store.ledger.settle(charge('r1', 33n))).toEqual({ kind: 'hold_missing' })
    expect(credits()).toEqual([
      [945n, 0n],
      [963n, 0n],
      [967n, 0n],
    ])
  })

  test('a release gives every account its promise back', async () => {
    await shop()
    await hold('r1', 165n)
    await at.store.ledger.release('r1', NOT_SENT)
    expect(credits()).toEqual(UNTOUCHED)
  })

  test('what the account at the top cannot pay is the operator’s; what one below cannot, the loss of its parent', async () => {
    await shop({ shopHas: 165n })
    await hold('r1', 165n)
    await at.store.ledger.settle(charge('r1', 1_100n))
    expect(credits()).toEqual([
      [0n, 0n],
      [0n, 0n],
      [0n, 0n],
    ])
  })

  test('what is cut short by the provider costs none of them anything', async () => {
    await shop()
    await hold('r1', 165n)
    await at.store.ledger.settle({ ...charge('r1', 33n), payer: 'operator', outcome: 'cut' })
    expect(credits()).toEqual(UNTOUCHED)
  })
}

function laterFacts({ at, shop, hold, credits, reopen }: Scene): void {
  test('nothing is held of an account below one that is disabled', async () => {
    await shop()
    await at.store.registry.setAccount('acme', { isDisabled: true })
    await expect(hold('r1', 1n)).rejects.toMatchObject({ code: 'key_not_allowed' })
    await at.store.registry.setAccount('acme', { isDisabled: false })
    expect(await hold('r1', 1n)).toEqual({ kind: 'held' })
  })

  test('after a restart a chain is what it was, with its open holds, and they are charged by what was noted', async () => {
    await shop()
    await hold('r1', 165n)
    at.store.ledger.progress('r1', micro(33n))
    await soon()
    await hold('r2', 1n)
    const { ledger } = await reopen()
    expect(credits()).toEqual([
      [1_000n, 166n],
      [1_000n, 111n],
      [1_000n, 101n],
    ])
    for (const { id, progress } of ledger.orphans()) await ledger.endOrphan(id, progress)
    expect(credits()).toEqual([
      [967n, 0n],
      [978n, 0n],
      [980n, 0n],
    ])
  })
}

function refundFacts({ at, shop, hold, charge, credits, reopen }: Scene): void {
  test('a refund gives every account the same share of what it paid, and all of it in the end', async () => {
    await shop()
    await hold('r1', 165n)
    await at.store.ledger.settle(charge('r1', 33n)) // 55, 37 and 33
    const refund = (id: string, amount?: bigint) =>
      at.store.registry.book(
        { kind: 'refund', request: 'r1', amount: amount === undefined ? undefined : micro(amount) },
        { id, by: 'test', reason: 'test' },
      )
    expect(await refund('f1', 20n)).toMatchObject({ kind: 'booked' })
    expect(credits()).toEqual([
      [965n, 0n],
      [976n, 0n],
      [979n, 0n],
    ])
    await reopen()
    expect(await refund('f2')).toMatchObject({ kind: 'booked' })
    expect(credits()).toEqual(UNTOUCHED)
    expect(await refund('f3')).toMatchObject({ kind: 'above_paid' })
  })
}

function treeFacts({ at, shop, hold, reopen }: Scene): void {
  test('chains do not close to a circle, nor grow longer than five accounts', async () => {
    await shop()
    const { registry } = at.store
    const none = { by: 'test', tier: 'free', markup: '0', subAccountsMax: 0 }
    expect(await registry.openSubAccount({ id: 'shop', parent: 'acme', ...none })).toBe('exists')
    expect(await registry.place('acme', { parent: 'shop' }, 'test')).toBe('circle')
    expect(await registry.place('acme', { parent: 'acme' }, 'test')).toBe('circle')
    expect(await registry.place('shop', { parent: 'nobody' }, 'test')).toBe('no_such_parent')
    for (const [id, parent] of [
      ['four', 'shop'],
      ['five', 'four'],
    ] as const)
      expect(await registry.openSubAccount({ id, parent, ...none })).toBeUndefined()
    expect(await registry.openSubAccount({ id: 'six', parent: 'five', ...none })).toBe('too_deep')
    expect(registry.countBelow('acme')).toBe(4)
    expect(registry.subAccounts('store').map(({ account }) => account)).toEqual(['shop'])
  })

  test('an account is moved only while nothing is in flight below it, and without credit of its old parent', async () => {
    await shop({ shopHas: 10n })
    const { registry, ledger } = at.store
    const move = () => registry.place('shop', { parent: 'acme', markup: '0.3' }, 'test')
    expect(await move()).toBe('has_credit')
    await hold('r1', 0n)
    await registry.book(
      { kind: 'debit', account: 'shop', amount: micro(10n) },
      { id: 'd1', by: 'test', reason: 'test' },
    )
    expect(await move()).toBe('open_holds')
    await ledger.release('r1', NOT_SENT)
    expect(await move()).toBeUndefined()
    expect(ledger.account('shop')?.reselling).toMatchObject({ parent: 'acme', markup: '0.3' })
    await reopen()
    expect(at.store.ledger.account('shop')?.reselling).toMatchObject({ parent: 'acme' })
  })
}
