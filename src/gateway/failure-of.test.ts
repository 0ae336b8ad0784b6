import { describe, expect, test } from 'vitest'
import type { Fault } from '../domain/fault.ts'
import { failureOf, noProvider } from './failure-of.ts'

describe('a caller whom no provider answered comes back', () => {
  const after = (fault: Fault, chance = 0.5) =>
    failureOf(fault, false, () => chance).details.retryAfterMs

  test('when the provider says, but not within a second nor after more than a minute', () => {
    expect(after({ kind: 'rate_limited', retryAfterMs: 7_000 })).toBe(7_000)
    expect(after({ kind: 'rate_limited', retryAfterMs: 500 })).toBe(1_000)
    expect(after({ kind: 'server', retryAfterMs: 3_600_000 })).toBe(60_000)
  })

  test('in one to five seconds where nobody says, and not with all others at once', () => {
    expect([0, 0.5, 1].map((chance) => after({ kind: 'server' }, chance))).toEqual([
      1_000, 3_000, 5_000,
    ])
    expect(noProvider(() => 0.25).details.retryAfterMs).toBe(2_000)
  })
})
