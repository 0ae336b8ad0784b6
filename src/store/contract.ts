import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { micro } from '../domain/money.ts'
import { priceFrom } from '../domain/price.ts'
import { textUsage } from '../domain/usage.ts'
import type { Keys } from '../ports/keys.ts'
import type { Switches } from '../ports/switches.ts'
import { chainFacts } from './contract-chain.ts'
import { inFlightFacts } from './contract-in-flight.ts'
import { limitFacts } from './contract-limit.ts'
import { actFacts, correctionFacts, registryFacts } from './contract-registry.ts'
import type { Charge, HoldRequest, Ledger, Registry } from '../ports/ledger.ts'

/** What the facts below need of a store; opening the same place again finds what was left there. */
export type ContractStore = Readonly<{
  ledger: Ledger
  registry: Registry
  keys: Keys
  switches: Switches
  close(): Promise<void>
}>

export type Opener = (place: string) => Promise<ContractStore>

export const PRICE = priceFrom({ input: '0.8' }, { creditsPerUsd: '1', markup: '0.25' }, 'v-one')

export const holdOf = (id: string, amount: bigint, account = 'acme'): HoldRequest => ({
  ...{ id, account, key: 'key_acme', model: 'gpt', price: PRICE },
  ...{ amount: micro(amount), inputCost: micro(amount / 4n) },
})

export const chargeOf = (id: string, cost: bigint, more: Partial<Charge> = {}): Charge => ({
  ...{ id, cost: micro(cost), usage: textUsage(Number(cost), 0) }, // at a micro-credit a token
  ...{ price: PRICE, payer: 'account', outcome: 'finished', model: 'gpt', deployment: 'one/gpt' },
  ...{ attempts: [{ deployment: 'one/gpt', ms: 12 }], isEstimated: false, isStream: true },
  ...{ startedAt: 1_000, firstByteMs: 3.456, totalMs: 12.5, ...more },
})

export const NOT_SENT = { outcome: 'failed', attempts: [] } as const

/** An account with credit and a key. */
export async function withAccount({ registry }: ContractStore, id: string, amount: bigint) {
  await registry.openAccount({ id, tier: 'free' })
  const key = { id: `key_${id}`, hash: `hash of ${id}`, hint: 'tg-ab…wxyz', account: id }
  await registry.addKey({ ...key, role: 'user' })
  await grant(registry, { id: `grant-${id}`, account: id, amount })
}

export const grant = (
  registry: Registry,
  { id, account, amount }: { id: string; account: string; amount: bigint },
) =>
  registry.book(
    { kind: 'credit', account, amount: micro(amount) },
    { id, by: 'test', reason: 'test' },
  )

/** The facts that hold for the money of the house, whatever it is kept in. */
export function ledgerContract(name: string, open: Opener): void {
  describe(name, () => {
    const at: { place: string; store: ContractStore } = { place: '', store: undefined as never }
    const reopen = async (): Promise<ContractStore> => {
      await at.store.close()
      at.store = await open(at.place)
      return at.store
    }
    const credit = (account = 'acme') => {
      const found = at.store.ledger.account(account)
      return found && [found.credit.balance, found.credit.held]
    }
    beforeEach(async () => {
      at.place = `contract-${randomUUID()}`
      at.store = await open(at.place)
      await withAccount(at.store, 'acme', 1_000n)
    })
    afterEach(() => at.store.close())
    const facts = { at, reopen, credit }
    describe('a hold', () => holdFacts(facts))
    describe('the end of a hold', () => endFacts(facts))
    describe('what is in flight', () => {
      inFlightFacts(facts)
    })
    describe('a restart', () => restartFacts(facts))
    describe('the registry', () => registryFacts(facts))
    describe('what is done beside the books', () => actFacts(facts))
    describe('a correction', () => correctionFacts(facts))
    describe('the sum', () => sumFacts(facts))
    describe('the limit of a caller', () => {
      limitFacts(facts)
    })
    describe('a chain of resellers', () => {
      chainFacts(facts)
    })
  })
}

export type Facts = {
  at: { store: ContractStore }
  reopen: () => Promise<ContractStore>
  /** Balance and held. */
  credit: (account?: string) => bigint[] | undefined
}

function holdFacts({ at, credit }: Facts): void {
  test('is given within the free credit; beyond it, told what stands against it', async () => {
    expect(await at.store.ledger.hold(holdOf('h1', 400n))).toEqual({ kind: 'held' })
    const short = { kind: 'short', credit: { balance: 1_000n, held: 400n } }
    expect(await at.store.ledger.hold(holdOf('h2', 601n))).toEqual(short)
    expect(credit()).toEqual([1_000n, 400n])
  })

  test('of 200 at once that ask for a tenth of the credit each, exactly ten are given', async () => {
    const asked = Array.from({ length: 200 }, (_, n) => at.store.ledger.hold(holdOf(`h${n}`, 100n)))
    const answers = await Promise.all(asked)
    expect(answers.filter(({ kind }) => kind === 'held')).toHaveLength(10)
    expect(credit()).toEqual([1_000n, 1_000n])
  })
}

function endFacts({ at, credit }: Facts): void {
  test('charges the cost and gives the rest of the hold back', async () => {
    await at.store.ledger.hold(holdOf('h1', 400n))
    const answer = await at.store.ledger.settle(chargeOf('h1', 150n))
    expect(answer).toEqual({ kind: 'settled', charged: 150n, balance: 850n })
    expect(credit()).toEqual([850n, 0n])
  })

  test('comes once: settling again finds nothing and charges nothing', async () => {
    await at.store.ledger.hold(holdOf('h1', 400n))
    const twice = ['first', 'second'].map(() => at.store.ledger.settle(chargeOf('h1', 150n)))
    const kinds = (await Promise.all(twice)).map(({ kind }) => kind)
    expect(kinds.sort()).toEqual(['hold_missing', 'settled'])
    expect(await at.store.ledger.settle(chargeOf('h1', 150n))).toEqual({ kind: 'hold_missing' })
    expect(credit()).toEqual([850n, 0n])
  })

  test('with a cost above the hold takes free credit, and the rest is the operator’s', async () => {
    await at.store.ledger.hold(holdOf('h1', 300n))
    await at.store.ledger.hold(holdOf('h2', 500n))
    const answer = await at.store.ledger.settle(chargeOf('h1', 900n))
    expect(answer).toEqual({ kind: 'settled', charged: 500n, balance: 500n })
    expect(credit()).toEqual([500n, 500n])
  })

  test('that the operator pays for costs the account nothing', async () => {
    await at.store.ledger.hold(holdOf('h1', 300n))
    const cut = chargeOf('h1', 200n, { payer: 'operator', outcome: 'cut' })
    expect(await at.store.ledger.settle(cut)).toMatchObject({ charged: 0n, balance: 1_000n })
    expect(credit()).toEqual([1_000n, 0n])
  })

  test('without a charge gives the whole hold back, and after a charge changes nothing', async () => {
    await at.store.ledger.hold(holdOf('h1', 300n))
    await at.store.ledger.release('h1', NOT_SENT)
    expect(credit()).toEqual([1_000n, 0n])
    expect(await at.store.ledger.settle(chargeOf('h1', 10n))).toEqual({ kind: 'hold_missing' })
    await at.store.ledger.hold(holdOf('h2', 300n))
    await at.store.ledger.settle(chargeOf('h2', 100n))
    await at.store.ledger.release('h2', NOT_SENT)
    expect(credit()).toEqual([900n, 0n])
  })
}

function restartFacts({ at, reopen, credit }: Facts): void {
  test('finds every account, key, hold and balance as they were', async () => {
    for (const id of ['h1', 'h2']) await at.store.ledger.hold(holdOf(id, 200n))
    await at.store.ledger.settle(chargeOf('h1', 120n))
    const before = [at.store.ledger.account('acme'), at.store.keys.withId('key_acme')]
    const { ledger, keys } = await reopen()
    expect([ledger.account('acme'), keys.withId('key_acme')]).toEqual(before)
    expect(credit()).toEqual([880n, 200n])
    expect(await ledger.settle(chargeOf('h1', 120n))).toEqual({ kind: 'hold_missing' })
    expect(await ledger.settle(chargeOf('h2', 50n))).toMatchObject({ balance: 830n })
  })

  test('lists the holds that were left open, with how far each had come', async () => {
    await at.store.ledger.hold(holdOf('sent', 300n))
    await at.store.ledger.hold(holdOf('unsent', 200n))
    at.store.ledger.progress('sent', micro(20n))
    at.store.ledger.progress('sent', micro(70n))
    await soon()
    const { ledger } = await reopen()
    const listed = ledger.orphans().map(({ id, amount, progress }) => [id, amount, progress])
    const unsent = ['unsent', 200n, undefined]
    expect(listed.sort()).toEqual([['sent', 300n, 70n], unsent])
  })

  test('lets an orphan be charged with its progress, or given back', async () => {
    await at.store.ledger.hold(holdOf('sent', 300n))
    await at.store.ledger.hold(holdOf('unsent', 200n))
    const { ledger } = await reopen()
    await ledger.hold(holdOf('of this run', 10n))
    for (const _ of ['once', 'twice']) await ledger.endOrphan('sent', micro(70n))
    await ledger.endOrphan('unsent', undefined)
    expect([credit(), ledger.orphans()]).toEqual([[930n, 10n], []])
    await reopen()
    expect(credit()).toEqual([930n, 10n])
  })
}

/** Progress is made durable soon, and nothing tells when. */
export const soon = () => new Promise((resolve) => setTimeout(resolve, 150))

const kind = fc.constantFrom('credit', 'hold', 'hold', 'settle', 'release')
const amount = fc.bigInt({ min: 0n, max: 900n })
type Step = { kind: string; amount: bigint; pick: number }
/** `pick` says which of the open holds ends. */
const OPERATIONS = fc.array(fc.record({ kind, amount, pick: fc.nat(20) }), { maxLength: 25 })

function sumFacts({ at, reopen, credit }: Facts): void {
  test('of any operations, added up apart, is the balance, now and after a restart', async () => {
    const anySum = fc.asyncProperty(OPERATIONS, async (steps) => {
      const account = randomUUID()
      await withAccount(at.store, account, 1_000n)
      const sum = await addedUp(at.store, account, steps)
      expect(credit(account)).toEqual(sum)
      await reopen()
      expect(credit(account)).toEqual(sum)
    })
    await fc.assert(anySum, { numRuns: 15 })
  })
}

/** Runs the operations and adds them up with plain arithmetic of its own: [balance, held]. */
async function addedUp({ ledger, registry }: ContractStore, account: string, steps: Step[]) {
  const open: { id: string; amount: bigint }[] = []
  let balance = 1_000n
  const held = () => open.reduce((sum, { amount }) => sum + amount, 0n)
  for (const [index, { kind, amount, pick }] of steps.entries()) {
    const id = `${account}-${index}`
    if (kind === 'credit') {
      await grant(registry, { id, account, amount })
      balance += amount
    } else if (kind === 'hold') {
      const { kind: answer } = await ledger.hold(holdOf(id, amount, account))
      expect(answer).toBe(amount <= balance - held() ? 'held' : 'short')
      if (answer === 'held') open.push({ id, amount })
    } else if (open.length > 0) {
      const [ended] = open.splice(pick % open.length, 1)
      if (ended === undefined) continue
      if (kind === 'release') await ledger.release(ended.id, NOT_SENT)
      else await ledger.settle(chargeOf(ended.id, amount))
      const most = balance - held()
      if (kind === 'settle') balance -= amount < most ? amount : most
    }
  }
  return [balance, held()]
}
