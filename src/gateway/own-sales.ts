import { quarterAt, stretchAround } from '../domain/calendar.ts'
import { Failure } from '../domain/failure.ts'
import { localTime, QUARTER_MS } from '../domain/time-zone.ts'
import type { UsageSums } from '../domain/usage-query.ts'
import type { AccountView } from '../ports/ledger.ts'
import type { UsageBook } from '../ports/usage.ts'
import type { House } from './house.ts'

export type OwnSales = Readonly<{ sinceMs: number; sums: UsageSums }>

/**
 * What an account bought for those below it and sold to them, since the month began in its time zone. Undefined while the
 * past is being added up: whoever asks for an account is not to wait for that.
 */
export async function ownSales(
  { clock, usage }: Pick<House, 'clock'> & Readonly<{ usage: UsageBook }>,
  { account, timeZone }: Pick<AccountView, 'account' | 'timeZone'>,
): Promise<OwnSales | undefined> {
  const now = quarterAt(clock.nowMs())
  const { from } = stretchAround(now, 'month', localTime(timeZone))
  const range = { timeZone, from, to: now + 1, groupBy: [], after: undefined, rowsMax: 1 }
  try {
    const { total } = await usage.sum({ ...range, only: { account }, of: 'below' })
    return { sinceMs: from * QUARTER_MS, sums: total }
  } catch (error) {
    if (error instanceof Failure && error.code === 'overloaded') return undefined
    throw error
  }
}
