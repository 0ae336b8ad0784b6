import { csvLine } from '../domain/csv.ts'
import { formatCredits, minus } from '../domain/money.ts'
import { QUARTER_MS, type Quarter } from '../domain/time-zone.ts'
import type { Dimension, UsagePage, UsageQuery, UsageSums } from '../domain/usage-query.ts'
import { BUCKETS, type Bucket } from '../domain/usage.ts'

/** The buckets as the configuration's prices name them. */
export const BUCKET_NAMES = {
  input: 'input',
  cachedInput: 'cached_input',
  cacheWrite: 'cache_write',
  image: 'image',
  output: 'output',
  audioInput: 'audio_input',
  audioOutput: 'audio_output',
} as const satisfies Record<Bucket, string>

/** A page of usage as callers, operators and the command line see it. */
export const usageView = (query: UsageQuery, { rows, total, hasMore }: UsagePage) => ({
  object: 'usage',
  time_zone: query.timeZone,
  from: timeOf(query.from),
  to: timeOf(query.to),
  group_by: query.groupBy,
  data: rows.map(({ by, sums }) => ({ ...named(query.groupBy, by), ...sumsView(query, sums) })),
  total: sumsView(query, total),
  has_more: hasMore,
})

const timeOf = (quarter: Quarter): string => new Date(quarter * QUARTER_MS).toISOString()

type Names = Partial<Record<Dimension, string>>

function named(groupBy: readonly Dimension[], by: readonly string[]): Names {
  return Object.fromEntries(groupBy.map((dimension, at) => [dimension, by[at] ?? '']))
}

const sumsView = ({ of }: UsageQuery, sums: UsageSums) => ({
  ...ownView(sums),
  ...(of === 'below' && soldView(sums)),
})

type Sold = Pick<UsageSums, 'charged' | 'sold' | 'refunded' | 'returned'>

/** What those right below paid, and were given back; and what is left of it after what was paid and came back for them. */
export const soldView = ({ charged, sold, refunded, returned }: Sold) => ({
  sold: formatCredits(sold),
  returned: formatCredits(returned),
  profit: formatCredits(minus(minus(sold, returned), minus(charged, refunded))),
})

const ownView = ({ requests, estimated, usage, cost, charged, refunded }: UsageSums) => ({
  requests,
  estimated,
  tokens: Object.fromEntries(BUCKETS.map((bucket) => [BUCKET_NAMES[bucket], usage[bucket]])),
  cost: formatCredits(cost),
  charged: formatCredits(charged),
  overrun: formatCredits(minus(cost, charged)),
  refunded: formatCredits(refunded),
})

/** The same rows for a spreadsheet; the heading stands on the first page alone. */
export function usageCsv(query: UsageQuery, { rows }: UsagePage): string {
  const buckets = BUCKETS.map((bucket) => BUCKET_NAMES[bucket])
  const isSold = query.of === 'below'
  const sold = isSold ? ['sold', 'returned', 'profit'] : []
  const amounts = ['cost', 'charged', 'overrun', 'refunded', ...sold]
  const heading = csvLine([...query.groupBy, 'requests', 'estimated', ...buckets, ...amounts])
  const lines = rows.map(({ by, sums }) => {
    const { requests, estimated, usage, cost, charged, refunded } = sums
    const tokens = BUCKETS.map((bucket) => usage[bucket])
    const money = [cost, charged, minus(cost, charged), refunded].map(formatCredits)
    const sales = isSold ? Object.values(soldView(sums)) : []
    return csvLine([...by, requests, estimated, ...tokens, ...money, ...sales])
  })
  return [...(query.after === undefined ? [heading] : []), ...lines].join('')
}
