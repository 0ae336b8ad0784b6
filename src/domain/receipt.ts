import type {
  HoldEntry,
  OverrunEntry,
  PriceEntry,
  RefundEntry,
  ReleaseEntry,
  SettleEntry,
} from './entry.ts'
import { micro, minus, ZERO, type MicroCredits } from './money.ts'
import { BUCKETS, type Bucket } from './usage.ts'

/** Where an entry stands in the journal, and what it says. */
export type Recorded<E> = Readonly<{ segment: number; seq: number; entry: E }>

/** All that the ledger has of one request. */
export type RequestRecords = Readonly<{
  hold: Recorded<HoldEntry>
  /** Undefined while it runs. */
  end: Recorded<SettleEntry | ReleaseEntry> | undefined
  overruns: readonly Recorded<OverrunEntry>[]
  refunds: readonly Recorded<RefundEntry>[]
  price: PriceEntry | undefined
  /** Of a sub-account's request: the price of each level, its own first. */
  prices?: readonly (PriceEntry | undefined)[]
  /** Of one account of a chain alone: what the account right below it paid and was given back, and whether it pays the operator. */
  place?: Readonly<{
    isTop: boolean
    sold: Readonly<{ account: string; paid: MicroCredits; returned: MicroCredits }> | undefined
  }>
  /** The last cost that was noted while it ran; looked for only where the charge goes by it. */
  progress: Recorded<Readonly<{ kind: 'progress'; cost: string }>> | undefined
}>

/** Units are `1 / scale` micro-credits, as the price has them: whole numbers, so that nothing is rounded on the way. */
type ReceiptLine = Readonly<{
  bucket: Bucket | 'request'
  count: number
  rate: bigint
  units: bigint
}>

export type Arithmetic = Readonly<{
  lines: readonly ReceiptLine[]
  units: bigint
  scale: bigint
  /** What was added to come to a whole micro-credit, in units. */
  roundedUp: bigint
  cost: MicroCredits
}>

/** By what the cost was charged. Progress: the gateway died, and its last note of the cost is all there is. */
type Basis = 'usage' | 'progress' | 'nothing'

export type Receipt = Readonly<{
  records: RequestRecords
  state: 'open' | 'settled' | 'released'
  basis: Basis
  /** Undefined where there is nothing to multiply. */
  arithmetic: Arithmetic | undefined
  cost: MicroCredits
  charged: MicroCredits
  overrun: MicroCredits
  refunded: MicroCredits
  /** The cost follows from price and usage, and charge and overrun add up to it. */
  isRecomputed: boolean
}>

/** What a request cost, computed again from the price and the usage that stand in the journal. */
export function receiptOf(records: RequestRecords): Receipt {
  const settle = settleOf(records)
  const refunded = sum(records.refunds.map(({ entry }) => entry.amount))
  if (settle === undefined) {
    const state = records.end === undefined ? 'open' : 'released'
    const none = { cost: ZERO, charged: ZERO, overrun: ZERO, arithmetic: undefined }
    return { records, state, basis: 'nothing', ...none, refunded, isRecomputed: true }
  }
  const cost = micro(BigInt(settle.cost))
  const charged = micro(BigInt(settle.amount))
  const overrun = minus(cost, charged)
  const basis = basisOf(settle)
  const arithmetic = basis === 'usage' ? compute(settle, records.price) : undefined
  const due = dueBy(records, basis, arithmetic)
  const isBorneAbove = records.place?.isTop === false
  const isPaid = isBorneAbove || sum(records.overruns.map(({ entry }) => entry.amount)) === overrun
  const isRecomputed = due === cost && isPaid && overrun >= 0n
  const amounts = { cost, charged, overrun, refunded }
  return { records, state: 'settled', basis, arithmetic, ...amounts, isRecomputed }
}

function settleOf({ end }: RequestRecords): SettleEntry | undefined {
  return end?.entry.kind === 'settle' ? end.entry : undefined
}

function basisOf({ outcome, usage, cost }: SettleEntry): Basis {
  if (outcome === 'killed') return 'progress'
  // Nothing was used and nothing charged, also where a finished answer would have a price per request.
  const isNothing = outcome !== 'finished' && cost === '0' && Object.keys(usage).length === 0
  return isNothing ? 'nothing' : 'usage'
}

function dueBy(
  { progress }: RequestRecords,
  basis: Basis,
  arithmetic: Arithmetic | undefined,
): MicroCredits | undefined {
  if (basis === 'nothing') return ZERO
  if (basis === 'usage') return arithmetic?.cost
  return progress && micro(BigInt(progress.entry.cost))
}

function compute(settle: SettleEntry, price: PriceEntry | undefined): Arithmetic | undefined {
  if (price === undefined) return undefined
  const lines = BUCKETS.flatMap((bucket): ReceiptLine[] => {
    const count = settle.usage[bucket] ?? 0
    const rate = BigInt(price.rates[bucket])
    return count === 0 ? [] : [{ bucket, count, rate, units: BigInt(count) * rate }]
  })
  const perRequest = BigInt(price.request)
  if (perRequest > 0n)
    lines.push({ bucket: 'request', count: 1, rate: perRequest, units: perRequest })
  const scale = BigInt(price.scale)
  const units = lines.reduce((all, line) => all + line.units, 0n)
  const cost = (units + scale - 1n) / scale
  return { lines, units, scale, roundedUp: cost * scale - units, cost: micro(cost) }
}

const sum = (amounts: readonly string[]): MicroCredits =>
  micro(amounts.reduce((all, amount) => all + BigInt(amount), 0n))
