import { micro, type MicroCredits } from './money.ts'
import { BUCKETS, INPUT_BUCKETS, type Bucket, type Usage } from './usage.ts'

/**
 * A price in force: whole numbers of `1 / scale` micro-credits a token. Price, credits per dollar and markup are
 * decimals, so their product is exact here, and rounding happens once, at the end of `costOf`.
 */
export type Price = Readonly<{
  version: string
  scale: bigint
  rates: Readonly<Record<Bucket, bigint>>
  /** A fixed charge for each request, in the same unit. */
  request: bigint
  /** The dearest rate an input or an output token can meet: what a hold reckons with. */
  bounds: Readonly<{ input: bigint; output: bigint }>
  /** The operator's price that a reseller's was made of. */
  base?: Price
}>

/** Decimal text as people write prices: dollars per million tokens, or dollars per request. */
export type PriceList = Readonly<Partial<Record<Bucket | 'request', string>>>

export type Accounting = Readonly<{ creditsPerUsd: string; markup: string }>

/** What a token that has no price of its own costs: cached input as fresh input, audio as text, and so on. */
const FALLBACK = {
  cachedInput: 'input',
  cacheWrite: 'input',
  image: 'input',
  audioInput: 'input',
  audioOutput: 'output',
} as const satisfies Partial<Record<Bucket, Bucket>>

/** Dollars carry 9 places, credits per dollar and markup 6 each. */
const PLACES = { usd: 9, accounting: 6 } as const
const SCALE = 10n ** BigInt(PLACES.usd + 2 * PLACES.accounting)

export function priceFrom(list: PriceList, accounting: Accounting, version: string): Price {
  const factor =
    scaled(accounting.creditsPerUsd, PLACES.accounting) *
    (10n ** BigInt(PLACES.accounting) + scaled(accounting.markup, PLACES.accounting))
  const rate = (name: Bucket | 'request'): bigint => scaled(list[name] ?? '0', PLACES.usd) * factor
  const rates = Object.fromEntries(
    BUCKETS.map((bucket) => [bucket, rate(pricedAs(list, bucket))]),
  ) as Record<Bucket, bigint>
  // A dollar a million tokens is a micro-dollar a token, and a credit has a million micro-credits: these cancel out.
  return reduced({ version, scale: SCALE, rates, request: rate('request') * 1_000_000n })
}

/** The same price times a ratio: exact, so that whoever charges by it rounds once, too. */
export function multiplied(price: Price, { over, under }: Ratio, version: string): Price {
  const { scale, rates, request } = price
  const more = Object.fromEntries(
    BUCKETS.map((bucket) => [bucket, rates[bucket] * over]),
  ) as Record<Bucket, bigint>
  const own = reduced({ version, scale: scale * under, rates: more, request: request * over })
  return { ...own, base: price }
}

/** A number that is no whole one, exact. */
export type Ratio = Readonly<{ over: bigint; under: bigint }>

/** The charge for a usage: exact, and rounded up once. */
export function costOf(usage: Usage, price: Price): MicroCredits {
  const { rates } = price
  let total = price.request
  // Field by field: names that are computed cost as much as the sum.
  if (usage.input !== 0) total += BigInt(usage.input) * rates.input
  if (usage.cachedInput !== 0) total += BigInt(usage.cachedInput) * rates.cachedInput
  if (usage.cacheWrite !== 0) total += BigInt(usage.cacheWrite) * rates.cacheWrite
  if (usage.image !== 0) total += BigInt(usage.image) * rates.image
  if (usage.output !== 0) total += BigInt(usage.output) * rates.output
  if (usage.audioInput !== 0) total += BigInt(usage.audioInput) * rates.audioInput
  if (usage.audioOutput !== 0) total += BigInt(usage.audioOutput) * rates.audioOutput
  return micro((total + price.scale - 1n) / price.scale)
}

/** How many output tokens an amount pays for once the input is paid; negative when it does not even pay that. */
export function affordableOutput(amount: MicroCredits, inputTokens: number, price: Price): bigint {
  const rest = amount * price.scale - price.request - BigInt(inputTokens) * price.bounds.input
  const rate = price.bounds.output
  if (rest < 0n) return -1n
  return rate === 0n ? BigInt(Number.MAX_SAFE_INTEGER) : rest / rate
}

/** The most that this many tokens can cost, whichever buckets they turn out to fall in. */
export function costBound(tokens: { input: number; output: number }, price: Price): MicroCredits {
  const total =
    price.request +
    BigInt(tokens.input) * price.bounds.input +
    BigInt(tokens.output) * price.bounds.output
  return micro((total + price.scale - 1n) / price.scale)
}

const largest = (values: readonly bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b), 0n)

function pricedAs(list: PriceList, bucket: Bucket): Bucket {
  if (list[bucket] !== undefined || !(bucket in FALLBACK)) return bucket
  return FALLBACK[bucket as keyof typeof FALLBACK]
}

/** "2.5" with 9 places → 2 500 000 000. The caller has checked that it is a plain decimal. */
function scaled(decimal: string, places: number): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.')
  return BigInt(whole + fraction.slice(0, places).padEnd(places, '0'))
}

/** The same price in the smallest whole numbers: cheap to multiply, and readable in a receipt. */
function reduced({ version, scale, rates, request }: Omit<Price, 'bounds'>): Price {
  const divisor = [scale, request, ...Object.values(rates)].reduce(gcd)
  const small = Object.fromEntries(
    BUCKETS.map((bucket) => [bucket, rates[bucket] / divisor]),
  ) as Record<Bucket, bigint>
  const bounds = {
    input: largest(INPUT_BUCKETS.map((bucket) => small[bucket])),
    output: largest([small.output, small.audioOutput]),
  }
  return { version, scale: scale / divisor, rates: small, request: request / divisor, bounds }
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b)
}
