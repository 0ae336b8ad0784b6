import type { AttemptRecord } from '../domain/entry.ts'
import { formatCredits, minus } from '../domain/money.ts'
import type { Arithmetic, Receipt, Recorded } from '../domain/receipt.ts'
import { BUCKETS } from '../domain/usage.ts'
import { BUCKET_NAMES } from './usage-view.ts'

/** A receipt as JSON. Amounts are credits, but for the arithmetic, which is in the price's own whole numbers. */
export function receiptView(receipt: Receipt) {
  const { records, arithmetic } = receipt
  const { hold, end } = records
  const settle = end?.entry.kind === 'settle' ? end.entry : undefined
  return {
    object: 'receipt',
    id: hold.entry.ref,
    state: receipt.state,
    account: hold.entry.account,
    key: hold.entry.key || null, // unknown to those far above
    model: settle?.model ?? hold.entry.model,
    outcome: end?.entry.outcome ?? null,
    is_stream: settle?.stream ?? false,
    is_estimated: settle?.estimated ?? false,
    started_at: timeOf(settle?.startedAt ?? hold.entry.at),
    ended_at: end === undefined ? null : timeOf(end.entry.at),
    first_byte_ms: settle?.firstByteMs ?? null,
    total_ms: settle?.totalMs ?? null,
    tokens: Object.fromEntries(
      BUCKETS.map((bucket) => [BUCKET_NAMES[bucket], settle?.usage[bucket] ?? 0]),
    ),
    price: settle?.price ?? hold.entry.price,
    charged_by: receipt.basis,
    arithmetic: arithmetic === undefined ? null : arithmeticView(arithmetic),
    cost: formatCredits(receipt.cost),
    charged: formatCredits(receipt.charged),
    overrun: formatCredits(receipt.overrun),
    refunded: formatCredits(receipt.refunded),
    ...soldView(receipt),
    recomputed: receipt.isRecomputed,
    hold: formatCredits(BigInt(hold.entry.amount) as Receipt['cost']),
    attempts: (end?.entry.attempts ?? []).map(attemptView),
    refunds: records.refunds.map(refundView),
    ledger: entriesOf(receipt).map(({ segment, seq, entry }) => ({
      kind: entry.kind,
      seq,
      segment,
    })),
  }
}

/** Of a reseller: what its sub-account paid for the request and was given back, and what of it the reseller keeps. */
function soldView({ records: { place }, charged, refunded }: Receipt) {
  if (place?.sold === undefined) return {}
  const { account, paid, returned } = place.sold
  const profit = minus(minus(paid, returned), minus(charged, refunded))
  return {
    sold: {
      ...{ account, charged: formatCredits(paid), refunded: formatCredits(returned) },
      profit: formatCredits(profit),
    },
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString()

/** Each line is tokens times a rate; their sum, divided by `units_per_micro_credit` and rounded up once, is the cost. */
const arithmeticView = ({ lines, units, scale, roundedUp, cost }: Arithmetic) => ({
  units_per_micro_credit: String(scale),
  lines: lines.map(({ bucket, count, rate, units: product }) => ({
    bucket: bucket === 'request' ? bucket : BUCKET_NAMES[bucket],
    count,
    rate: String(rate),
    units: String(product),
  })),
  units: String(units),
  rounded_up_units: String(roundedUp),
  cost_micro_credits: String(cost),
})

/** Of a deployment its provider is told, as in the headers; why one did not answer is between it and the operator. */
const attemptView = ({ deployment, fault, ms }: AttemptRecord) => ({
  provider: deployment.slice(0, deployment.indexOf('/')),
  answered: fault === undefined,
  ms,
})

const refundView = ({ entry, seq }: Receipt['records']['refunds'][number]) => ({
  id: entry.ref,
  at: timeOf(entry.at),
  amount: formatCredits(BigInt(entry.amount) as Receipt['cost']),
  reason: entry.reason,
  seq,
})

function entriesOf({ records }: Receipt): readonly Recorded<{ kind: string }>[] {
  const { hold, progress, end, overruns, refunds } = records
  return [hold, progress, end, ...overruns, ...refunds].filter((one) => one !== undefined)
}

const operatorAttempt = ({ cost, ...attempt }: AttemptRecord) => ({
  ...attempt,
  ...(cost !== undefined && {
    operator_cost: formatCredits(BigInt(cost) as Receipt['cost']),
  }),
})

/** What an operator sees of it, too: which deployment answered or did not, and why. */
export function operatorReceiptView(receipt: Receipt) {
  const { end } = receipt.records
  const deployment = end?.entry.kind === 'settle' ? (end.entry.deployment ?? null) : null
  return {
    ...receiptView(receipt),
    deployment,
    attempts: (end?.entry.attempts ?? []).map(operatorAttempt),
  }
}
