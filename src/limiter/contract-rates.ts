import fc from 'fast-check'
import { expect, test } from 'vitest'
import { claimOf, countPassing, MINUTE, passes, type Open } from './contract-world.ts'

/** So many requests in any stretch of time. */
export function rateFacts(open: Open): void {
  test('of many requests at once exactly the limit passes', async () => {
    const { budget } = await open()
    const mine = budget({ requestsPerMinute: 7 })
    expect(await countPassing(200, () => mine.take(claimOf()))).toBe(7)
    expect(passes(await budget({ requestsPerMinute: 7 }, 'other').take(claimOf()))).toBe(true)
  })

  test('a request passes at the very time that a refusal named, and not much later than it could', async () => {
    const { clock, budget } = await open()
    const mine = budget({ requestsPerMinute: 2 })
    await mine.take(claimOf())
    clock.pass(10_000)
    await mine.take(claimOf())
    const { refusal } = await mine.take(claimOf())
    expect(refusal?.waitMs).toBeGreaterThanOrEqual(50_000)
    expect(refusal?.waitMs).toBeLessThanOrEqual(50_250)
    clock.pass((refusal?.waitMs ?? 0) - 1)
    expect(passes(await mine.take(claimOf()))).toBe(false)
    clock.pass(1)
    expect(passes(await mine.take(claimOf()))).toBe(true)
  })
}

/** Whenever requests come. */
export function anyMinuteFacts(open: Open): void {
  test('in no 60 seconds more than the limit passes, and what is refused is told when it will', async () => {
    const steps = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 0, max: 20_000 }),
        burst: fc.integer({ min: 1, max: 9 }),
        /** Comes back as soon as it was told that it may. */
        isEager: fc.boolean(),
      }),
      { minLength: 5, maxLength: 60 },
    )
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 12 }), async (moments, limit) => {
        const { clock, budget } = await open()
        const mine = budget({ requestsPerMinute: limit })
        const passed: number[] = []
        let waitMs = 0
        for (const { afterMs, burst, isEager } of moments) {
          clock.pass(isEager ? waitMs : afterMs)
          for (let at = 0; at < burst; at++) {
            const { refusal } = await mine.take(claimOf())
            if (refusal === undefined) passed.push(clock.ticks)
            else expect((waitMs = refusal.waitMs)).toBeGreaterThan(0)
          }
        }
        for (const [at, ticks] of passed.entries()) {
          const later = passed[at + limit]
          expect(later === undefined || later - ticks >= MINUTE).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })
}
