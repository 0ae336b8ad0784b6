import type { HoldEntry, RefundEntry, SettleEntry } from './entry.ts'
import { micro } from './money.ts'
import type { RequestRecords } from './receipt.ts'
import { Resale, type Level } from './reseller.ts'

/**
 * The records of a request as one account of its chain may see them: what it paid, at its own price, and what the account
 * right below it paid. Undefined for accounts that have nothing to do with it.
 */
export function recordsOf(records: RequestRecords, account: string): RequestRecords | undefined {
  const { hold, end, refunds, progress } = records
  const at = accountsOf(hold.entry).indexOf(account)
  if (at === -1) return undefined
  if (hold.entry.levels === undefined) return records
  const isTop = at === hold.entry.levels.length
  return {
    ...records,
    hold: { ...hold, entry: levelOf(hold.entry, at) },
    end: end && { ...end, entry: levelOf(end.entry, at) },
    refunds: refunds.map((one) => ({ ...one, entry: levelOf(one.entry, at) })),
    // What an account below the top did not pay is no entry: it is less income for the one above.
    overruns: isTop ? records.overruns : [],
    progress: progress && { ...progress, entry: notedFor(hold.entry, at, progress.entry) },
    price: records.prices?.[at] ?? records.price,
    place: { isTop, sold: soldBy(records, at) },
  }
}

const accountsOf = ({ account, levels = [] }: HoldEntry): readonly string[] => [
  account,
  ...levels.map((level) => level.account),
]

/** The entry with the numbers of one level, and nothing of the others. */
function levelOf<E extends { levels?: readonly object[] }>(entry: E, at: number): E {
  const { levels = [], ...own } = entry
  const { markup: _markup, most, price, key, ...plain } = own as Named
  return {
    ...plain,
    ...(price !== undefined && { price: unmarked(price) }),
    ...(key !== undefined && { key: at > BELOW ? '' : key }),
    ...(most !== undefined && at === 0 && { most }), // the caller's own word
    ...(at > 0 && without(levels[at - 1])),
  } as unknown as E
}

type Named = Readonly<{ markup?: string; most?: string; price?: string; key?: string }>

/** A reseller knows the keys of the accounts right below its own. */
const BELOW = 1

/** What all of the chain together add to a price stands behind its name, and is nobody's business. */
const unmarked = (price: string): string => price.split('*', 1)[0] ?? price

function without(level: object | undefined): object {
  const { markup: _markup, ...rest } = (level ?? {}) as { markup?: string }
  return rest
}

function notedFor(hold: HoldEntry, at: number, entry: Progress): Progress {
  const levels = [hold, ...(hold.levels ?? [])].map(({ account, markup }): Level =>
    markup === undefined ? { account } : { account, markup },
  )
  const shares = new Resale(levels).shares(micro(BigInt(entry.cost)))
  return { ...entry, cost: String(shares[at] ?? 0n) }
}

type Progress = NonNullable<RequestRecords['progress']>['entry']

/** What the account right below paid for the same request, and was given back; undefined for the one that asked. */
function soldBy({ hold, end, refunds }: RequestRecords, at: number) {
  if (at === 0) return undefined
  const account = accountsOf(hold.entry)[at - 1] ?? ''
  const amountBelow = (entry: SettleEntry | RefundEntry): bigint =>
    BigInt((at === 1 ? entry : entry.levels?.[at - 2])?.amount ?? 0)
  const paid = end?.entry.kind === 'settle' ? amountBelow(end.entry) : 0n
  const returned = refunds.reduce((sum, { entry }) => sum + amountBelow(entry), 0n)
  return { account, paid: micro(paid), returned: micro(returned) }
}
