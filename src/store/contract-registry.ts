import { expect, test } from 'vitest'
import type { Correction } from '../domain/correction.ts'
import { micro, MICRO_MAX, minus, ZERO } from '../domain/money.ts'
import { chargeOf, grant, holdOf, withAccount, type Facts } from './contract.ts'

/** The part of the store contract that is about operators: accounts, keys, and corrections of credit. */
export function registryFacts({ at, reopen, credit }: Facts): void {
  test('refuses credit for an account that is not there', async () => {
    const booking = await grant(at.store.registry, { id: 'g2', account: 'nobody', amount: 5n })
    expect(booking).toEqual({ kind: 'unknown_account', account: 'nobody' })
  })

  test('finds a key by its hash alone, with its expiry and its models', async () => {
    const key = { id: 'key_2', hash: 'other hash', hint: 'tg-…', account: 'acme' }
    const limited = { ...key, role: 'user', expiresAt: 1_800_000_000_000, models: ['gpt'] } as const
    await at.store.registry.addKey(limited)
    const { keys } = await reopen()
    expect(keys.find('other hash')).toMatchObject(limited)
    expect(keys.find('key_2')).toBeUndefined()
  })

  test('holds nothing for a key that was revoked since its request came in', async () => {
    await at.store.registry.revokeKey('key_acme')
    const held = at.store.ledger.hold(holdOf('late', 10n))
    await expect(held).rejects.toMatchObject({ code: 'invalid_api_key' })
    expect(credit()).toEqual([1_000n, 0n])
  })

  test('remembers what operators switched off, until they switch it on', async () => {
    const set = (target: string, isOn: boolean) =>
      at.store.switches.set({ target, isOn, by: 'key_admin' })
    await set('provider one', false)
    await set('key two#1', false)
    await set('key two#1', true)
    const { switches } = await reopen()
    expect([...switches.off()]).toEqual(['provider one'])
  })

  test('remembers when a key was revoked, and the tier that an account changed to', async () => {
    await at.store.registry.revokeKey('key_acme')
    await at.store.registry.setAccount('acme', { tier: 'vip' })
    const revoked = at.store.keys.find('hash of acme')?.revokedAt
    expect(revoked).toBeTypeOf('number')
    const { keys, ledger, registry } = await reopen()
    await registry.revokeKey('key_acme')
    expect(keys.find('hash of acme')?.revokedAt).toBe(revoked)
    expect([ledger.account('acme')?.tier, credit()]).toEqual(['vip', [1_000n, 0n]])
  })
}

/** What is done beside the books is in their journal, too. */
export function actFacts({ at, reopen, credit }: Facts): void {
  test('notes what was done beside the books, and leaves them as they are', async () => {
    const { registry } = at.store
    const session = { kind: 'session-begun', account: 'acme', ref: 'ses_1', until: 5 } as const
    await registry.note({ ...session, by: 'user:anna' })
    await registry.note({ kind: 'config-reloaded', problems: 0, by: 'cli' })
    await registry.note({ kind: 'webhook-tested', webhooks: [], by: 'cli' })
    const [before, accounts] = [credit(), [...registry.accounts(0)]]
    const again = await reopen()
    expect([credit(), [...again.registry.accounts(0)]]).toEqual([before, accounts])
    expect(again.registry.hasEnded('ses_1')).toBe(false)
  })
}

const credits = (amount: bigint, account = 'acme') =>
  ({ kind: 'credit', account, amount: micro(amount) }) as const
const debit = (amount: bigint) => ({ ...credits(amount), kind: 'debit' }) as const
const adjust = (amount: bigint) => ({ ...credits(amount), kind: 'adjust' }) as const
const refund = (request: string, amount?: bigint) =>
  ({ kind: 'refund', request, amount: amount === undefined ? undefined : micro(amount) }) as const
const transfer = (from: string, to: string, amount: bigint) =>
  ({ kind: 'transfer', from, to, amount: micro(amount) }) as const

export function correctionFacts(facts: Facts): void {
  const { at } = facts
  let ids = 0
  const book = (correction: Correction, idempotencyKey?: string) =>
    at.store.registry.book(correction, {
      ...{ id: `act-${ids++}`, by: 'key_admin', reason: 'asked for' },
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    })
  const charged = async (id: string, cost: bigint) => {
    await at.store.ledger.hold(holdOf(id, cost))
    await at.store.ledger.settle(chargeOf(id, cost))
  }
  balanceFacts(facts, book)
  refundFacts(facts, { book, charged })
  transferFacts(facts, book)
  repeatFacts(facts, book)
}

type Book = (correction: Correction, idempotencyKey?: string) => ReturnType<typeof grant>

function balanceFacts({ at, reopen, credit }: Facts, book: Book): void {
  test('takes no more than is free, and an adjustment goes either way', async () => {
    await at.store.ledger.hold(holdOf('h1', 300n))
    const short = { kind: 'short', account: 'acme', credit: { balance: 1_000n, held: 300n } }
    expect(await book(debit(701n))).toEqual(short)
    expect(await book(adjust(-701n))).toEqual(short)
    await book(debit(650n))
    await book(adjust(-50n))
    expect(credit()).toEqual([300n, 300n])
    await book(adjust(25n))
    await reopen()
    expect(credit()).toEqual([325n, 300n])
  })

  test('that would leave the range of a balance is refused', async () => {
    const most = minus(MICRO_MAX, micro(1_000n))
    const beyond = { kind: 'out_of_range', account: 'acme' }
    expect(await book(credits(most + 1n))).toEqual(beyond)
    await book(credits(most))
    expect(await book(adjust(1n))).toEqual(beyond)
    expect(credit()).toEqual([MICRO_MAX, ZERO])
  })
}

type Refunding = Readonly<{ book: Book; charged: (id: string, cost: bigint) => Promise<void> }>

function refundFacts({ at, reopen, credit }: Facts, { book, charged }: Refunding): void {
  test('gives back what a request was charged, in parts or the rest, and never more', async () => {
    await charged('h1', 400n)
    const first = { account: 'acme', request: 'h1', amount: '150', paid: '400', balance: '750' }
    expect(await book(refund('h1', 150n))).toMatchObject({ kind: 'booked', entry: first })
    await reopen()
    const above = { kind: 'above_paid', paid: 400n, left: 250n }
    expect(await book(refund('h1', 251n))).toEqual(above)
    expect(await book(refund('h1'))).toMatchObject({ entry: { amount: '250', balance: '1000' } })
    for (const more of [refund('h1'), refund('h1', 1n)])
      expect(await book(more)).toEqual({ ...above, left: 0n })
    expect(credit()).toEqual([1_000n, 0n])
  })

  test('of a request that was charged nothing, or is not known, is refused', async () => {
    await at.store.ledger.hold(holdOf('open', 10n))
    await charged('free', 0n)
    await at.store.ledger.hold(holdOf('given-back', 10n))
    await at.store.ledger.release('given-back', { outcome: 'failed', attempts: [] })
    for (const request of ['nothing', 'open', 'given-back'])
      expect(await book(refund(request))).toEqual({ kind: 'unknown_request' })
    expect(await book(refund('free'))).toEqual({ kind: 'above_paid', paid: 0n, left: 0n })
  })

  test('is made once under its idempotency key, also while the charge is being looked for', async () => {
    await charged('h1', 400n)
    const asked = Array.from({ length: 20 }, () => book(refund('h1', 30n), 'once'))
    const firsts = (await Promise.all(asked)).filter(
      (one) => one.kind === 'booked' && !one.isRepeat,
    )
    expect([firsts.length, credit()]).toEqual([1, [630n, 0n]])
  })

  test('of fifty at once for one request, gives back no more than was paid', async () => {
    await charged('h1', 400n)
    const asked = Array.from({ length: 50 }, (_, n) => book(refund('h1', 30n), `key ${n}`))
    const booked = (await Promise.all(asked)).filter(({ kind }) => kind === 'booked')
    expect(booked).toHaveLength(13)
    expect(credit()).toEqual([990n, 0n])
    await reopen()
    expect(await book(refund('h1'))).toMatchObject({ entry: { amount: '10' } })
  })
}

function transferFacts({ at, reopen, credit }: Facts, book: Book): void {
  test('of two accounts moves credit in one step, and the sum stays what it was', async () => {
    await withAccount(at.store, 'zeta', 5n)
    await at.store.ledger.hold(holdOf('h1', 300n))
    const booked = await book(transfer('acme', 'zeta', 700n))
    const legs = [
      { account: 'acme', amount: '-700', balance: '300', held: '300' },
      { account: 'zeta', amount: '700', balance: '705', held: '0' },
    ]
    expect(booked).toMatchObject({ kind: 'booked', entry: { amount: '700', legs } })
    expect(await book(transfer('acme', 'zeta', 1n))).toMatchObject({ kind: 'short' })
    expect(await book(transfer('acme', 'nobody', 1n))).toMatchObject({ account: 'nobody' })
    expect(await book(transfer('nobody', 'acme', 1n))).toMatchObject({ account: 'nobody' })
    await reopen()
    expect([credit('acme'), credit('zeta')]).toEqual([
      [300n, 300n],
      [705n, 0n],
    ])
  })
}

function repeatFacts({ at, reopen, credit }: Facts, book: Book): void {
  let ids = 0
  test('is made once under its idempotency key, however many ask at the same time', async () => {
    const asked = Array.from({ length: 100 }, () => book(credits(7n), 'once'))
    const answers = await Promise.all(asked)
    const first = answers.find((one) => one.kind === 'booked' && !one.isRepeat)
    expect(first).toMatchObject({ entry: { amount: '7', balance: '1007', by: 'key_admin' } })
    const entry = first?.kind === 'booked' ? first.entry : undefined
    const repeats = answers.filter((one) => one.kind === 'booked' && one.isRepeat)
    expect(repeats).toEqual(Array.from({ length: 99 }, () => ({ ...first, isRepeat: true })))
    await reopen()
    expect(await book(credits(7n), 'once')).toEqual({ kind: 'booked', entry, isRepeat: true })
    expect(credit()).toEqual([1_007n, 0n])
  })

  test('under a key that was used for something else is refused', async () => {
    await book(credits(7n), 'taken')
    const others = [credits(8n), debit(7n), credits(7n, 'nobody'), refund('h1', 7n)]
    for (const other of others) expect(await book(other, 'taken')).toEqual({ kind: 'other_call' })
    expect(credit()).toEqual([1_007n, 0n])
  })

  test('under a key that another operator used is a call of its own', async () => {
    const other = { by: 'key_other', reason: 'asked for', idempotencyKey: 'mine' }
    const byOther = (correction: Correction) =>
      at.store.registry.book(correction, { id: `act-${ids++}`, ...other })
    const mine = await book(credits(7n), 'mine')
    const theirs = await byOther(credits(7n))
    expect(theirs).toMatchObject({ kind: 'booked', isRepeat: false, entry: { by: 'key_other' } })
    expect(await byOther(credits(8n))).toEqual({ kind: 'other_call' })
    await reopen()
    expect(await byOther(credits(7n))).toEqual({ ...theirs, isRepeat: true })
    expect(await book(credits(7n), 'mine')).toEqual({ ...mine, isRepeat: true })
    expect(credit()).toEqual([1_014n, 0n])
  })

  test('that was refused leaves its idempotency key free', async () => {
    expect(await book(debit(1_001n), 'tried')).toMatchObject({ kind: 'short' })
    await book(credits(1n))
    expect(await book(debit(1_001n), 'tried')).toMatchObject({ kind: 'booked', isRepeat: false })
  })
}
