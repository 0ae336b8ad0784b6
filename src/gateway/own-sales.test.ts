import { expect, test } from 'vitest'
import { ZERO } from '../domain/money.ts'
import type { UsageQuery } from '../domain/usage-query.ts'
import { NO_USAGE } from '../domain/usage.ts'
import { ownSales } from './own-sales.ts'

test('what a reseller sold is told since its month began, in its own time zone', async () => {
  const asked: UsageQuery[] = []
  const amounts = {
    cost: ZERO,
    charged: ZERO,
    sold: ZERO,
    refunded: ZERO,
    returned: ZERO,
    forgiven: ZERO,
  }
  const total = { requests: 3, estimated: 0, usage: NO_USAGE, ...amounts }
  const usage = {
    sum(query: UsageQuery) {
      asked.push(query)
      return Promise.resolve({ rows: [], total, hasMore: false })
    },
    request: () => Promise.resolve(undefined),
  }
  const now = Date.parse('2026-10-31T20:10:00Z') // November has begun in Tokyo, and not yet in Berlin
  const clock = { nowMs: () => now } as Parameters<typeof ownSales>[0]['clock']
  const since = async (timeZone: string) => {
    const sales = await ownSales({ clock, usage }, { account: 'acme', timeZone })
    expect(sales?.sums.requests).toBe(3)
    return new Date(sales?.sinceMs ?? 0).toISOString()
  }
  expect(await since('Asia/Tokyo')).toBe('2026-10-31T15:00:00.000Z')
  expect(await since('Europe/Berlin')).toBe('2026-09-30T22:00:00.000Z') // by its summer time
  expect(asked).toMatchObject([
    { only: { account: 'acme' }, of: 'below' },
    { only: { account: 'acme' }, of: 'below' },
  ])
})
