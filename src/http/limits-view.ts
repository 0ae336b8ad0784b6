import { z } from 'zod'
import { limitName, type Subject } from '../domain/limit-rule.ts'
import { formatCredits, micro } from '../domain/money.ts'
import type { RuleState } from '../ports/limiter.ts'
import { time } from './forms.ts'

const amount = z.union([z.number(), z.string()])

/** What is left of each limit that there is, by its name; credit in credits. */
export const limitsForm = z
  .record(
    z.string(),
    z.object({ limit: amount, remaining: amount.optional(), resets_at: time.optional() }),
  )
  .meta({
    description:
      'By name. `resets_at`: when all of it is free again; what is unlimited is not here',
    example: {
      requests_per_minute: { limit: 100, remaining: 97, resets_at: '2027-01-31T12:00:41.250Z' },
    },
  })

type Standing = Readonly<{
  states: readonly RuleState[]
  kind: Subject['kind']
  /** 0: unlimited. */
  concurrentRequests: number
  nowMs: number
}>

export function limitsStanding({ states, kind, concurrentRequests, nowMs }: Standing) {
  const view: Record<
    string,
    { limit: number | string; remaining?: number | string; resets_at?: string }
  > = {}
  for (const { rule, left, resetMs } of states) {
    if (rule.subject.kind !== kind) continue
    view[limitName(rule)] = {
      ...{ limit: shown(rule.limit), remaining: shown(left) },
      resets_at: new Date(nowMs + resetMs).toISOString(),
    }
  }
  if (concurrentRequests > 0) view['concurrent_requests'] = { limit: concurrentRequests }
  return view
}

const shown = (value: number | bigint): number | string =>
  typeof value === 'bigint' ? formatCredits(micro(value)) : value
