import { rulesOf, type Rule } from '../domain/limit-rule.ts'
import type { Limits } from '../domain/limit.ts'
import { micro, ZERO, type MicroCredits } from '../domain/money.ts'
import type { UsageSums } from '../domain/usage-query.ts'
import { NO_USAGE } from '../domain/usage.ts'
import type { InFlight, Ledger } from '../ports/ledger.ts'
import type { Budget, Claim, Limiter, Verdict } from '../ports/limiter.ts'
import type { UsageBook } from '../ports/usage.ts'

/** A clock that tests set, of both kinds: ticks go on alone, and the time of day is what somebody made of it. */
export class TestClock {
  ticks = 5_000
  /** Noon in Berlin, on a Saturday. */
  now = Date.UTC(2026, 10, 21, 11)

  readonly nowMs = (): number => this.now
  readonly ticksMs = (): number => this.ticks

  pass(ms: number): void {
    this.ticks += ms
    this.now += ms
  }
}

export type Question = Parameters<UsageBook['sum']>[0]
type Past = (question: Question) => readonly { by: string; sums: Partial<UsageSums> }[]

/** What every limiter must be made of for these tests. */
export type MakeLimiter = (world: {
  clock: TestClock
  usage: Pick<UsageBook, 'sum'>
  ledger: TestRunning
}) => Limiter | Promise<Limiter>

/** Requests of the one account that there is, which run until a test ends them. */
export class TestRunning implements Pick<Ledger, 'inFlight' | 'landed'> {
  readonly #running = new Map<
    string,
    { amount: MicroCredits; tell: ((paid: MicroCredits) => void)[] }
  >()
  readonly landed = () => Promise.resolve()

  begin(id: string, amount: bigint): void {
    this.#running.set(id, { amount: micro(amount), tell: [] })
  }

  end(id: string, paid: bigint): void {
    const { tell = [] } = this.#running.get(id) ?? {}
    this.#running.delete(id)
    for (const listener of tell) listener(micro(paid))
  }

  inFlight(): readonly InFlight[] {
    return [...this.#running].map(([id, { amount, tell }]) => {
      const whenEnded: InFlight['whenEnded'] = (listener) => void tell.push(listener)
      return { id, amount, whenEnded }
    })
  }
}

export const MINUTE = 60_000
export const DAY = 86_400_000
export const ZONE = 'Europe/Berlin'

export const claimOf = (tokens = 0, spend = 0n): Claim => ({
  ...{ tokens, spend: micro(spend), takenTicks: undefined },
})

export const accountRules = (limits: Limits, id = 'acme'): readonly Rule[] =>
  rulesOf({ kind: 'account', id }, limits, ZONE)

type Opened = Readonly<{
  clock: TestClock
  running: TestRunning
  limiter: Limiter
  /** The budget of an account. */
  budget: (limits: Limits, id?: string) => Budget
}>

/** A limiter of its own for each fact. */
export type Open = (past?: Past) => Promise<Opened>

export function opener(make: MakeLimiter): Open {
  return async (past = () => []) => {
    const clock = new TestClock()
    const usage = { sum: (question: Question) => Promise.resolve(pageOf(past(question))) }
    const running = new TestRunning()
    const limiter = await make({ clock, usage, ledger: running })
    return {
      clock,
      running,
      limiter,
      budget: (limits, id) => limiter.budget(accountRules(limits, id)),
    }
  }
}

export const passes = ({ refusal }: Verdict): boolean => refusal === undefined

export async function countPassing(times: number, take: () => Verdict | Promise<Verdict>) {
  const verdicts = await Promise.all(Array.from({ length: times }, async () => take()))
  return verdicts.filter(passes).length
}

function pageOf(rows: ReturnType<Past>): Awaited<ReturnType<UsageBook['sum']>> {
  const full = (sums: Partial<UsageSums> = {}): UsageSums => ({
    ...{ requests: 0, estimated: 0, usage: NO_USAGE },
    ...{ cost: ZERO, charged: ZERO, sold: ZERO, refunded: ZERO, returned: ZERO, forgiven: ZERO },
    ...sums,
  })
  return {
    rows: rows.map(({ by, sums }) => ({ by: [by], sums: full(sums) })),
    total: full(rows[0]?.sums),
    hasMore: false,
  }
}
