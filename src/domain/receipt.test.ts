import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PriceEntry, SettleEntry } from './entry.ts'
import { micro } from './money.ts'
import { costOf, priceFrom } from './price.ts'
import { receiptOf, type RequestRecords } from './receipt.ts'
import { BUCKETS, NO_USAGE, type Usage } from './usage.ts'

const PRICE = priceFrom(
  { input: '2.5', cachedInput: '1.25', output: '10', request: '0.0000001' },
  { creditsPerUsd: '333333.3', markup: '0.17' },
  'v1',
)
const priceEntry: PriceEntry = {
  ...{ kind: 'price', at: 0, version: 'v1', scale: String(PRICE.scale) },
  rates: Object.fromEntries(
    BUCKETS.map((bucket) => [bucket, String(PRICE.rates[bucket])]),
  ) as PriceEntry['rates'],
  request: String(PRICE.request),
}

const hold: RequestRecords['hold'] = {
  ...{ segment: 1, seq: 5 },
  entry: {
    ...{ kind: 'hold', at: 1, account: 'acme', ref: 'req_1', amount: '900', balance: '1000' },
    ...{ held: '900', key: 'key_1', model: 'gpt', price: 'v1', input: '10' },
  },
}
const settle = (more: Partial<SettleEntry>): RequestRecords['end'] => ({
  ...{ segment: 1, seq: 6 },
  entry: {
    ...{ kind: 'settle', at: 2, account: 'acme', ref: 'req_1', amount: '0', balance: '1000' },
    ...{ held: '0', key: 'key_1', model: 'gpt', outcome: 'finished', cost: '0', price: 'v1' },
    ...{ usage: {}, attempts: [], startedAt: 1, totalMs: 3, ...more },
  },
})
const records = (more: Partial<RequestRecords>): RequestRecords => ({
  ...{ hold, end: undefined, overruns: [], refunds: [], price: priceEntry, progress: undefined },
  ...more,
})
const overrunOf = (amount: bigint): RequestRecords['overruns'] =>
  amount === 0n
    ? []
    : [
        {
          ...{ segment: 1, seq: 7 },
          entry: {
            ...{ kind: 'overrun', at: 2, account: 'operator', ref: 'req_1' },
            ...{ amount: String(amount), reason: 'beyond_hold' },
          },
        },
      ]

describe('a receipt', () => {
  test('computes every charge again, to the unit', () => {
    const tokens = fc.nat(2_000_000)
    const usages = fc.record(
      Object.fromEntries(BUCKETS.map((bucket) => [bucket, tokens])) as Record<
        keyof Usage,
        fc.Arbitrary<number>
      >,
    )
    fc.assert(
      fc.property(usages, fc.nat(100), (usage, unpaid) => {
        const cost = costOf(usage, PRICE)
        const paid = (cost * BigInt(100 - unpaid)) / 100n
        const end = settle({ usage, cost: String(cost), amount: String(paid) })
        const receipt = receiptOf(records({ end, overruns: overrunOf(cost - paid) }))
        expect(receipt).toMatchObject({ isRecomputed: true, cost, charged: paid })
        const sum = receipt.arithmetic
        expect(sum && sum.units + sum.roundedUp).toBe(cost * PRICE.scale)
      }),
    )
  })

  test('says so when the charge does not follow', () => {
    const usage = { ...NO_USAGE, input: 10, output: 3 }
    const cost = costOf(usage, PRICE)
    const right = { usage, cost: String(cost), amount: String(cost) }
    expect(receiptOf(records({ end: settle(right) })).isRecomputed).toBe(true)
    for (const wrong of [
      { end: settle({ ...right, cost: String(cost + 1n), amount: String(cost + 1n) }) },
      { end: settle({ ...right, usage: { ...usage, output: 4 } }) },
      { end: settle(right), price: undefined },
      { end: settle({ ...right, amount: String(cost - 1n) }) }, // and nobody bears the rest
      { end: settle(right), overruns: overrunOf(1n) },
      { end: settle({ ...right, amount: String(cost + 1n) }) },
    ])
      expect(receiptOf(records(wrong)).isRecomputed).toBe(false)
  })

  test('of a request that runs has no charge yet', () => {
    expect(receiptOf(records({}))).toMatchObject({ state: 'open', charged: 0n, isRecomputed: true })
  })

  test('of an answer that used nothing is a charge of nothing, price per request or not', () => {
    const end = settle({ outcome: 'failed' })
    expect(receiptOf(records({ end }))).toMatchObject({ basis: 'nothing', isRecomputed: true })
    const finished = settle({ outcome: 'finished' })
    expect(receiptOf(records({ end: finished })).isRecomputed).toBe(false) // a request's price is due
  })

  test('after a crash goes by the last note of the cost', () => {
    const end = settle({ outcome: 'killed', cost: '70', amount: '70' })
    const noted = (cost: string) =>
      ({ segment: 1, seq: 6, entry: { kind: 'progress', cost } }) as const
    const receipt = receiptOf(records({ end, progress: noted('70') }))
    expect(receipt).toMatchObject({ basis: 'progress', isRecomputed: true, charged: 70n })
    expect(receiptOf(records({ end, progress: noted('71') })).isRecomputed).toBe(false)
    expect(receiptOf(records({ end })).isRecomputed).toBe(false)
  })

  test('adds up what was given back', () => {
    const refund = (amount: string): RequestRecords['refunds'][number] => ({
      ...{ segment: 2, seq: 9 },
      entry: {
        ...{ kind: 'refund', at: 3, account: 'acme', ref: 'ref_1', request: 'req_1', amount },
        ...{ balance: '1000', held: '0', paid: '7', reason: 'test' },
      },
    })
    const end = settle({ outcome: 'failed' })
    expect(receiptOf(records({ end, refunds: [refund('3'), refund('4')] })).refunded).toBe(
      micro(7n),
    )
  })
})
