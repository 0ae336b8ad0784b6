import { quarterAt } from '../domain/calendar.ts'
import { minus } from '../domain/money.ts'
import type { Subject } from '../domain/limit-rule.ts'
import { QUARTER_MS, UTC } from '../domain/time-zone.ts'
import type { UsageQuery, UsageSums } from '../domain/usage-query.ts'
import { RateBound, type Bound, type SpendBound } from './counters.ts'
import type { MemoryLimiterNeeds } from './memory.ts'

const HOUR_MS = 3_600_000
/** A day, in quarters of an hour. */
const AHEAD = 96

/** Counts what the books say was used before the counter began. */
export async function lookUpPast(needs: MemoryLimiterNeeds, bound: Bound): Promise<void> {
  if (bound instanceof RateBound) await countHours(needs, bound)
  else await countSpending(needs, bound)
  bound.counter.isReady = true
}

/** The books know hours: each is taken for its end, so that nothing is forgotten too early. */
async function countHours({ clock, usage }: MemoryLimiterNeeds, bound: RateBound): Promise<void> {
  const { rule, counter } = bound
  counter.beginAnew()
  const now = quarterAt(clock.nowMs()) + 1
  const from = now - Math.ceil((rule.windowMs + HOUR_MS) / QUARTER_MS)
  const to = now + AHEAD // what a clock that was ahead has written is as of now
  const page = await usage.sum({
    ...queryFor(rule.subject, { from, to }),
    groupBy: ['hour'],
    rowsMax: to - from,
  })
  const [nowMs, nowTicks] = [clock.nowMs(), clock.ticksMs()]
  for (const { by, sums } of page.rows) {
    const ageMs = Math.max(nowMs - (Date.parse(by[0] ?? '') + HOUR_MS), 0)
    counter.window.add(nowTicks - ageMs, rule.of === 'tokens' ? tokensOf(sums) : sums.requests)
  }
}

/** What runs is held first: whatever ended before is in the books as soon as it has landed. */
async function countSpending(needs: MemoryLimiterNeeds, { rule, counter }: SpendBound) {
  const { clock, ledger, usage } = needs
  counter.holdRunning(clock)
  await ledger.landed()
  for (;;) {
    counter.beginAnew(clock)
    const { changes } = counter
    const query = queryFor(rule.subject, counter.spending.stretch)
    const { charged, forgiven } = (await usage.sum(query)).total
    if (changes !== counter.changes) continue // nobody knows whether that one is in it
    counter.spending.spentBefore(minus(charged, forgiven))
    return
  }
}

/** What accounts below an account asked for counts as its own; of a model, what it was asked for counts. */
function queryFor({ kind, id }: Subject, range: Pick<UsageQuery, 'from' | 'to'>): UsageQuery {
  const isAccount = kind === 'account' || kind === 'above'
  const name = kind === 'model' ? 'asked' : kind
  return {
    ...{ ...range, timeZone: UTC, groupBy: [], after: undefined, rowsMax: 1 },
    only: { [isAccount ? 'account' : name]: id },
    of: isAccount ? 'both' : 'own',
  }
}

const tokensOf = ({ usage }: UsageSums): number =>
  Object.values(usage).reduce((sum, tokens) => sum + tokens, 0)
