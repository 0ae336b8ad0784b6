import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { micro } from './money.ts'
import {
  affordableOutput,
  costBound,
  costOf,
  priceFrom,
  type Accounting,
  type PriceList,
} from './price.ts'
import { BUCKETS, NO_USAGE, textUsage, type Usage } from './usage.ts'

/** A decimal with up to so many places, as people write it. */
const decimal = (wholeMax: number, places: number) =>
  fc
    .tuple(fc.nat({ max: wholeMax }), fc.stringMatching(new RegExp(`^[0-9]{0,${places}}$`)))
    .map(([whole, fraction]) => (fraction === '' ? String(whole) : `${whole}.${fraction}`))

const names = [...BUCKETS, 'request'] as const
const lists: fc.Arbitrary<PriceList> = fc
  .record(Object.fromEntries(names.map((name) => [name, decimal(500, 9)])), { requiredKeys: [] })
  .map((list) => list as PriceList)
const accountings: fc.Arbitrary<Accounting> = fc.record({
  creditsPerUsd: decimal(200_000, 6),
  markup: decimal(3, 6),
})
const tokens = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 2_000_000 }))
const usages: fc.Arbitrary<Usage> = fc.record(
  Object.fromEntries(BUCKETS.map((bucket) => [bucket, tokens])) as Record<
    keyof Usage,
    fc.Arbitrary<number>
  >,
)

/** Decimal text as a fraction, for an arithmetic that shares nothing with the code's. */
type Fraction = Readonly<{ top: bigint; bottom: bigint }>
const fraction = (text: string): Fraction => {
  const places = text.includes('.') ? text.length - text.indexOf('.') - 1 : 0
  return { top: BigInt(text.replace('.', '')), bottom: 10n ** BigInt(places) }
}
const times = (a: Fraction, b: Fraction): Fraction => ({
  top: a.top * b.top,
  bottom: a.bottom * b.bottom,
})
const sum = (a: Fraction, b: Fraction): Fraction => ({
  top: a.top * b.bottom + b.top * a.bottom,
  bottom: a.bottom * b.bottom,
})
const roundedUp = ({ top, bottom }: Fraction): bigint =>
  top / bottom + (top % bottom === 0n ? 0n : 1n)

/** What a receipt says: dollars for each bucket, times credits per dollar, times markup, in micro-credits. */
function expectedCost(usage: Usage, list: PriceList, accounting: Accounting): bigint {
  const text = list.input ?? '0'
  const dollars: readonly (readonly [number, string])[] = [
    [usage.input, text],
    [usage.cachedInput, list.cachedInput ?? text],
    [usage.cacheWrite, list.cacheWrite ?? text],
    [usage.image, list.image ?? text],
    [usage.audioInput, list.audioInput ?? text],
    [usage.output, list.output ?? '0'],
    [usage.audioOutput, list.audioOutput ?? list.output ?? '0'],
  ]
  expect(dollars).toHaveLength(BUCKETS.length) // a new one must be charged, and stand here
  const million = { top: 1n, bottom: 1_000_000n }
  const usd = dollars
    .map(([count, price]) => times(times(fraction(String(count)), fraction(price)), million))
    .reduce(sum, fraction(list.request ?? '0'))
  const factor = times(
    fraction(accounting.creditsPerUsd),
    sum(fraction('1'), fraction(accounting.markup)),
  )
  return roundedUp(times(times(usd, factor), fraction('1000000')))
}

describe('the cost of an answer', () => {
  test('is exact to the micro-credit, rounded up once', () => {
    fc.assert(
      fc.property(usages, lists, accountings, (usage, list, accounting) => {
        expect(costOf(usage, priceFrom(list, accounting, 'v'))).toBe(
          expectedCost(usage, list, accounting),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('never falls when more is used, whatever it is', () => {
    fc.assert(
      fc.property(usages, usages, lists, accountings, (usage, more, list, accounting) => {
        const price = priceFrom(list, accounting, 'v')
        const both = Object.fromEntries(
          BUCKETS.map((bucket) => [bucket, usage[bucket] + more[bucket]]),
        ) as Usage
        const [less, sum] = [costOf(usage, price), costOf(both, price)]
        expect(less >= 0n && sum >= less).toBe(true)
        // Rounded up each by itself they are never cheaper than together, and by less than two units dearer.
        const apart = less + costOf(more, { ...price, request: 0n })
        expect(apart - sum === 0n || apart - sum === 1n).toBe(true)
      }),
    )
  })

  test('is never below what it is exactly, and less than a micro-credit above it', () => {
    fc.assert(
      fc.property(usages, lists, accountings, (usage, list, accounting) => {
        const price = priceFrom(list, accounting, 'v')
        const parts = BUCKETS.map((bucket) => BigInt(usage[bucket]) * price.rates[bucket])
        const exact = parts.reduce((total, part) => total + part, price.request)
        const above = costOf(usage, price) * price.scale - exact
        expect(above >= 0n && above < price.scale).toBe(true)
      }),
    )
  })

  test('is what a person would reckon', () => {
    const accounting = { creditsPerUsd: '200000', markup: '0.2' }
    const price = priceFrom({ input: '2.5', cachedInput: '1.25', output: '10' }, accounting, 'v')
    // 1000 × $2.5/M + 400 × $1.25/M + 100 × $10/M = $0.004; × 200 000 × 1.2 = 960 credits
    const usage = { ...textUsage(1000, 100), cachedInput: 400 }
    expect(costOf(usage, price)).toBe(960_000_000n)
  })

  test('of three buckets that each cost a third of a micro-credit is one, not three', () => {
    const price = priceFrom(
      { input: '0.25', output: '0.25', image: '0.25' },
      { creditsPerUsd: '1', markup: '0' },
      'v',
    )
    expect(costOf({ ...NO_USAGE, input: 1, output: 1, image: 1 }, price)).toBe(1n)
    expect(costOf({ ...NO_USAGE, input: 4 }, price)).toBe(1n)
    expect(costOf({ ...NO_USAGE, input: 5 }, price)).toBe(2n)
  })

  test('of a token that has no price of its own is that of its kind', () => {
    const price = priceFrom({ input: '3', output: '7' }, { creditsPerUsd: '1', markup: '0' }, 'v')
    const costOfOne = (bucket: keyof Usage) => costOf({ ...NO_USAGE, [bucket]: 1 }, price)
    expect(BUCKETS.map(costOfOne)).toEqual([3n, 3n, 3n, 3n, 7n, 3n, 7n])
  })

  test('counts the price of the request even when nothing was used', () => {
    const price = priceFrom({ request: '0.01' }, { creditsPerUsd: '100', markup: '0' }, 'v')
    expect(costOf(NO_USAGE, price)).toBe(1_000_000n)
  })

  test('without any price is nothing', () => {
    const price = priceFrom({}, { creditsPerUsd: '200000', markup: '0.2' }, 'v')
    fc.assert(fc.property(usages, (usage) => costOf(usage, price) === 0n))
  })
})

describe('the bound that a hold reckons with', () => {
  test('covers every usage within its token counts, in whichever buckets', () => {
    fc.assert(
      fc.property(usages, lists, accountings, (usage, list, accounting) => {
        const price = priceFrom(list, accounting, 'v')
        const { input, cachedInput, cacheWrite, image, audioInput } = usage
        const bound = costBound(
          {
            input: input + cachedInput + cacheWrite + image + audioInput,
            output: usage.output + usage.audioOutput,
          },
          price,
        )
        expect(costOf(usage, price) <= bound).toBe(true)
      }),
    )
  })

  test('is reached when all tokens fall into the dearest bucket', () => {
    const price = priceFrom(
      { input: '1', cacheWrite: '2', output: '3', audioOutput: '9' },
      { creditsPerUsd: '1', markup: '0' },
      'v',
    )
    const dearest = { ...NO_USAGE, cacheWrite: 10, audioOutput: 5 }
    expect(costBound({ input: 10, output: 5 }, price)).toBe(costOf(dearest, price))
  })

  test('the output that an amount affords costs no more than it, and one token more would', () => {
    const amounts = fc.bigInt({ min: 0n, max: 10n ** 12n }).map(micro)
    fc.assert(
      fc.property(amounts, tokens, lists, accountings, (amount, input, list, accounting) => {
        const price = priceFrom(list, accounting, 'v')
        fc.pre(price.bounds.output > 0n)
        const affordable = affordableOutput(amount, input, price)
        if (affordable < 0n) {
          expect(costBound({ input, output: 0 }, price) > amount).toBe(true)
          return
        }
        fc.pre(affordable < 2n ** 53n)
        const output = Number(affordable)
        expect(costBound({ input, output }, price) <= amount).toBe(true)
        expect(costBound({ input, output: output + 1 }, price) > amount).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('free output is affordable without end, once the input is paid', () => {
    const price = priceFrom({ input: '1' }, { creditsPerUsd: '1', markup: '0' }, 'v')
    expect(affordableOutput(micro(10n), 10, price)).toBeGreaterThan(10n ** 15n)
    expect(affordableOutput(micro(9n), 10, price)).toBe(-1n)
  })
})
