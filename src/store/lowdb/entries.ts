import type { Credit } from '../../domain/account.ts'
import type { Entry, HoldEntry, SettleEntry } from '../../domain/entry.ts'
import type { MicroCredits } from '../../domain/money.ts'
import type { Price } from '../../domain/price.ts'
import { BUCKETS, type Bucket, type Usage } from '../../domain/usage.ts'
import type { Charge, HoldRequest } from '../../ports/ledger.ts'
import type { OpenHold } from '../open-hold.ts'

/** Amounts as the journal has them. */
export const moved = (amount: MicroCredits, credit: Credit): Moved => ({
  amount: amount.toString(),
  balance: credit.balance.toString(),
  held: credit.held.toString(),
})

type Moved = { readonly amount: string; readonly balance: string; readonly held: string }

export function holdEntry(request: HoldRequest, credit: Credit, at: number): HoldEntry {
  const entry: HoldEntry = {
    kind: 'hold',
    at,
    account: request.account,
    ref: request.id,
    amount: request.amount.toString(),
    balance: credit.balance.toString(),
    held: credit.held.toString(),
    key: request.key,
    model: request.model,
    price: request.price.version,
    input: request.inputCost.toString(),
  }
  return request.most === undefined ? entry : { ...entry, most: request.most.toString() }
}

type Ending = Moved &
  Readonly<{ charge: Omit<Charge, 'price'>; hold: OpenHold; price: string; at: number }>

/**
 * The end of a hold as it stands in the journal: charge and usage record in one. What is undefined is left out there;
 * adding fields under conditions instead would make an object of another shape each time.
 */
export function chargeEntry({
  charge,
  hold,
  price,
  at,
  amount,
  balance,
  held,
}: Ending): SettleEntry {
  return {
    kind: 'settle',
    at,
    account: hold.account,
    ref: hold.id,
    amount,
    balance,
    held,
    key: hold.key,
    model: charge.model,
    asked: hold.model === charge.model ? undefined : hold.model,
    deployment: charge.deployment,
    outcome: charge.outcome,
    cost: charge.cost.toString(),
    price,
    usage: usedBuckets(charge.usage),
    estimated: charge.isEstimated || undefined,
    stream: charge.isStream || undefined,
    attempts: charge.attempts,
    startedAt: charge.startedAt,
    firstByteMs: charge.firstByteMs === undefined ? undefined : hundredths(charge.firstByteMs),
    totalMs: hundredths(charge.totalMs),
  }
}

const hundredths = (ms: number): number => Math.round(ms * 100) / 100

/** Zero is left out. Field by field: an object that grows by computed names costs ten times as much. */
const usedBuckets = (usage: Usage): SettleEntry['usage'] => ({
  input: usage.input || undefined,
  cachedInput: usage.cachedInput || undefined,
  cacheWrite: usage.cacheWrite || undefined,
  image: usage.image || undefined,
  output: usage.output || undefined,
  audioInput: usage.audioInput || undefined,
  audioOutput: usage.audioOutput || undefined,
})

export function priceEntry({ version, scale, rates, request }: Price, at: number): Entry {
  const text = Object.fromEntries(BUCKETS.map((bucket) => [bucket, rates[bucket].toString()]))
  return {
    kind: 'price',
    at,
    version,
    scale: scale.toString(),
    rates: text as Record<Bucket, string>,
    request: request.toString(),
  }
}
