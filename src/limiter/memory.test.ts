import { expect, test } from 'vitest'
import { addressRule, rulesOf } from '../domain/limit-rule.ts'
import { ZERO } from '../domain/money.ts'
import { TestClock, TestRunning } from './contract-world.ts'
import { limiterContract } from './contract.ts'
import { MemoryLimiter } from './memory.ts'

const keysOf = (line: string) => [line]

limiterContract('memory', (world) => new MemoryLimiter({ ...world, keysOf }))

const usage = { sum: () => Promise.reject(new Error('nothing here is looked up')) }
const claim = () => ({ tokens: 1, spend: ZERO, takenTicks: undefined })
const rules = (id: string) => rulesOf({ kind: 'account', id }, { requestsPerMinute: 2 }, 'UTC')

test('whoever has not asked for a while takes no room', async () => {
  const clock = new TestClock()
  const limiter = new MemoryLimiter({ clock, usage, ledger: new TestRunning(), keysOf })
  for (let at = 0; at < 1_000; at++) await limiter.budget(rules(`a${at}`)).take(claim())
  for (let at = 0; at < 1_000; at++) {
    await limiter.budget([addressRule('requests', `198.51.100.${at}`, 5)]).take(claim())
  }
  expect(limiter.size).toBe(2_000)
  clock.pass(61_000)
  await limiter.budget(rules('last')).take(claim())
  expect(limiter.size).toBe(1)
})

test('a budget that was idle so long counts with the others again', async () => {
  const clock = new TestClock()
  const limiter = new MemoryLimiter({ clock, usage, ledger: new TestRunning(), keysOf })
  const [mine, other] = [limiter.budget(rules('acme')), limiter.budget(rules('other'))]
  await mine.take(claim())
  clock.pass(120_000)
  await other.take(claim()) // and what is idle is dropped
  const further = limiter.budget(rules('acme'))
  const verdicts = [await mine.take(claim()), await further.take(claim()), await mine.take(claim())]
  expect(verdicts.map(({ refusal }) => refusal === undefined)).toEqual([true, true, false])
})

test('more addresses than there is room for push the first ones out', async () => {
  const limiter = new MemoryLimiter({
    clock: new TestClock(),
    usage,
    ledger: new TestRunning(),
    keysOf,
  })
  for (let at = 0; at < 60_000; at++) {
    await limiter.budget([addressRule('failures', `a${at}`, 5)]).take(claim())
  }
  expect(limiter.size).toBe(50_000)
})
