import { quarterAt } from '../domain/calendar.ts'
import { minus, plus, ZERO } from '../domain/money.ts'
import type { Subject } from '../domain/limit-rule.ts'
import { QUARTER_MS, UTC } from '../domain/time-zone.ts'
import type { UsageQuery, UsageRow, UsageSums } from '../domain/usage-query.ts'
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
async function countHours(needs: MemoryLimiterNeeds, bound: RateBound): Promise<void> {
  const { clock, usage } = needs
  const { rule, counter } = bound
  counter.beginAnew()
  const now = quarterAt(clock.nowMs()) + 1
  const from = now - Math.ceil((rule.windowMs + HOUR_MS) / QUARTER_MS)
  const to = now + AHEAD // what a clock that was ahead has written is as of now
  const rows: UsageRow[] = []
  for (const query of queriesFor(needs, rule.subject, { from, to })) {
    const page = await usage.sum({ ...query, groupBy: ['hour'], rowsMax: to - from })
    rows.push(...page.rows)
  }
  const [nowMs, nowTicks] = [clock.nowMs(), clock.ticksMs()]
  for (const { by, sums } of rows) {
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
    let spent = ZERO
    for (const query of queriesFor(needs, rule.subject, counter.spending.stretch)) {
      const { charged, forgiven } = (await usage.sum(query)).total
      spent = plus(spent, minus(charged, forgiven))
    }
    if (changes !== counter.changes) continue // nobody knows whether that one is in it
    counter.spending.spentBefore(spent)
    return
  }
}

type Range = Pick<UsageQuery, 'from' | 'to'>

/** The books know each key by itself. */
function queriesFor({ keysOf }: MemoryLimiterNeeds, subject: Subject, range: Range): UsageQuery[] {
  const { kind, id } = subject
  const subjects = kind === 'key' ? keysOf(id).map((key) => ({ kind, id: key })) : [subject]
  return subjects.map((one) => queryFor(one, range))
}

/** What accounts below an account asked for counts as its own; of a model, what it was asked for counts. */
function queryFor({ kind, id }: Subject, range: Range): UsageQuery {
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
