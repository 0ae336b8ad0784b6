import { describe } from 'vitest'
import { clockFacts } from './contract-clock.ts'
import { pastFacts } from './contract-past.ts'
import { anyMinuteFacts, rateFacts } from './contract-rates.ts'
import { refundFacts } from './contract-refunds.ts'
import { runningFacts } from './contract-running.ts'
import { spendingFacts } from './contract-spending.ts'
import { tokenFacts } from './contract-tokens.ts'
import { opener, type MakeLimiter } from './contract-world.ts'

/** The facts that callers and operators rely on, for counters wherever they are. */
export function limiterContract(name: string, make: MakeLimiter): void {
  const open = opener(make)
  describe(name, () => {
    rateFacts(open)
    anyMinuteFacts(open)
    tokenFacts(open)
    spendingFacts(open)
    refundFacts(open)
    pastFacts(open)
    runningFacts(open)
    clockFacts(open)
  })
}
