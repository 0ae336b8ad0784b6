import { expect, test } from 'vitest'
import { Failure, invalidKey } from '../domain/failure.ts'
import type { Limiter } from '../ports/limiter.ts'
import { Strangers } from './strangers.ts'

/** With a limiter that lets so many through a minute, or does as the test says. */
function world(limit: number, failing?: () => never) {
  const now = { ticks: 0 }
  const seen: number[] = []
  const told: unknown[] = []
  const limiter: Limiter = {
    budget: ([rule]) => ({
      take() {
        failing?.()
        const recent = seen.filter((ticks) => now.ticks - ticks < 60_000)
        if (rule === undefined) throw new Error('no rule')
        if (recent.length >= limit) {
          const refusal = { rule, left: 0, waitMs: 60_000 }
          return { refusal, requests: undefined, tokens: undefined }
        }
        seen.push(now.ticks)
        return { refusal: undefined, requests: undefined, tokens: undefined }
      },
      settle: () => undefined,
      undo: () => undefined,
      state: () => [],
    }),
    giveBack: () => undefined,
    lapse: () => undefined,
  }
  const strangers = new Strangers({
    ...{ limiter, clock: { ticksMs: () => now.ticks } },
    settings: () => ({ requestsPerMinute: limit, failuresPerMinute: limit }),
    tellTrouble: (error) => told.push(error),
  })
  const guess = () => strangers.failed('198.51.100.1', invalidKey())
  return { strangers, now, told, guess }
}

test('the time to wait doubles as long as wrong keys keep coming, up to a quarter of an hour', async () => {
  const { now, guess } = world(2)
  const waits: (number | undefined)[] = []
  for (let round = 0; round < 7; round++) {
    for (const code of ['invalid_api_key', 'invalid_api_key', 'rate_limit_exceeded']) {
      expect(await guess()).toMatchObject({ code })
    }
    now.ticks += 1_000
    const { details } = await guess()
    waits.push(details.retryAfterMs)
    now.ticks += Math.max(details.retryAfterMs ?? 0, 60_000)
  }
  expect(waits).toEqual([59_000, 119_000, 239_000, 479_000, 899_000, 899_000, 899_000])
  now.ticks += 16 * 60_000
  for (let count = 0; count < 2; count++) await guess()
  expect((await guess()).details.retryAfterMs).toBe(60_000)
})

test('whoever asks without a key too often is refused, and nobody where they cannot be counted', async () => {
  const { strangers } = world(1)
  await strangers.came('198.51.100.1')
  await expect(strangers.came('198.51.100.1')).rejects.toBeInstanceOf(Failure)
  const { strangers: uncounted, told } = world(1, () => {
    throw new Error('the limiter is gone')
  })
  for (let count = 0; count < 5; count++) await uncounted.came('198.51.100.1')
  expect(told).toHaveLength(5)
})
