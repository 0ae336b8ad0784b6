import { expect, test } from 'vitest'
import type { KeyRecord } from '../domain/key.ts'
import { NO_LIMITS, type Limits as Said } from '../domain/limit.ts'
import type { Rule } from '../domain/limit-rule.ts'
import type { Model } from '../domain/model.ts'
import { ZERO } from '../domain/money.ts'
import type { GatewaySettings } from '../ports/catalog.ts'
import type { AccountTerms } from '../ports/ledger.ts'
import { namesAndValues } from '../ports/header-lines.ts'
import type { Budget, Verdict } from '../ports/limiter.ts'
import type { Reply } from '../ports/reply.ts'
import { durationText, limitHeaders } from './limit-headers.ts'
import { Limits } from './limits.ts'

const KEY: KeyRecord = {
  ...{ id: 'k1', hash: '', hint: '', account: 'acme', role: 'user', createdAt: 0 },
}
const MODEL = { id: 'gpt', limits: NO_LIMITS } as unknown as Model
const PASSED: Verdict = { refusal: undefined, requests: undefined, tokens: undefined }

/** Limits over a limiter that does as the test says, and remembers which rules it was asked for. */
function world(take: () => Verdict | Promise<Verdict> = () => PASSED) {
  const asked: (readonly Rule[])[] = []
  const told: string[] = []
  const now = {
    terms: { tier: 'free' } as AccountTerms | undefined,
    above: { tier: 'premium' } as AccountTerms,
    tiers: { free: { requestsPerMinute: 100 }, premium: { requestsPerMinute: 1_000 } },
    settings: {
      keyInFlightMax: 7,
      accountInFlightMax: 9,
      limiterFailure: 'allow',
    } as GatewaySettings,
    ticks: 0,
  }
  const fail = () => {
    throw new Error('the limiter is gone')
  }
  const budget: Budget = { take, settle: fail, undo: fail, state: fail }
  const limits = new Limits({
    ledger: { terms: (account) => (account === 'reseller' ? now.above : now.terms) },
    catalog: {
      tier: (name) => ({
        limits: name === 'premium' ? now.tiers.premium : now.tiers.free,
        weight: 1,
      }),
      settings: () => now.settings,
    },
    limiter: {
      budget: (rules) => (asked.push(rules), budget),
      giveBack: fail,
      lapse: () => undefined,
    },
    clock: { nowMs: () => 0, ticksMs: () => now.ticks },
    keys: { withId: () => undefined },
    events: { problem: (message) => told.push(message) },
  })
  return { limits, now, asked, told }
}

const WANTED = { tokens: 1, spend: ZERO, reply: { announce: () => undefined } as unknown as Reply }

function rulesFor(said: { key?: Said; account?: Said; tier?: string; zone?: string }): string[] {
  const { limits, now, asked } = world()
  const { key, account, tier = 'free', zone } = said
  now.terms = { tier, ...(account && { limits: account }), ...(zone && { timeZone: zone }) }
  limits.budgetFor({ ...KEY, ...(key && { limits: key }) }, MODEL)
  return asked.flat().map(({ name, limit }) => `${name}: ${limit}`)
}

test('the limits of an account are its own in place of its tier’s, and those of the key besides', () => {
  expect(rulesFor({})).toEqual(['account acme requests 60000: 100'])
  expect(rulesFor({ tier: 'premium' })).toEqual(['account acme requests 60000: 1000'])
  expect(rulesFor({ tier: 'who knows' })).toEqual(['account acme requests 60000: 100'])
  expect(rulesFor({ account: { requestsPerMinute: 0 } })).toEqual([])
  expect(
    rulesFor({ account: { spendPerDay: '5' }, key: { tokensPerDay: 3 }, zone: 'Asia/Tokyo' }),
  ).toEqual([
    'account acme requests 60000: 100',
    'account acme spend day Asia/Tokyo: 5',
    'key k1 tokens 86400000: 3',
  ])
})

test('the plan of a key is made once, and again when its account, its tier or the configuration changes', () => {
  const { limits, now, asked } = world()
  const plans = () => {
    for (let count = 0; count < 5; count++) limits.budgetFor(KEY, MODEL)
    return asked.length
  }
  expect(plans()).toBe(1)
  now.terms = { tier: 'premium' }
  expect(plans()).toBe(2)
  now.terms = { tier: 'premium', limits: { concurrentRequests: 3 } }
  expect(plans()).toBe(3)
  expect(limits.allowanceOf(KEY).room).toMatchObject({ keyInFlightMax: 7, accountInFlightMax: 3 })
  now.settings = { ...now.settings, keyInFlightMax: 5 }
  expect(plans()).toBe(4)
  expect(limits.allowanceOf(KEY).room).toMatchObject({ keyInFlightMax: 5 })
})

test('the limits of an account above are rules, too, in its own time zone, and the plan follows them', () => {
  const { limits, now, asked } = world()
  now.terms = { tier: 'free', parent: 'reseller' }
  now.above = { tier: 'premium', timeZone: 'Asia/Tokyo', limits: { spendPerDay: '5' } }
  const names = () => {
    limits.budgetFor(KEY, MODEL)
    return asked.at(-1)?.map(({ name, limit }) => `${name}: ${limit}`)
  }
  expect(names()).toEqual([
    'account acme requests 60000: 100',
    'account reseller requests 60000: 1000',
    'account reseller spend day Asia/Tokyo: 5',
  ])
  now.above = { tier: 'free', limits: { concurrentRequests: 3 } }
  expect(names()).toEqual([
    'account acme requests 60000: 100',
    'account reseller requests 60000: 100',
  ])
  names()
  expect(asked).toHaveLength(2)
  expect(limits.allowanceOf(KEY).room.above).toEqual([{ account: 'reseller', inFlightMax: 3 }])
  now.terms = { tier: 'free' }
  expect(names()).toEqual(['account acme requests 60000: 100'])
  expect(limits.allowanceOf(KEY).room.above).toBeUndefined()
})

test.each([
  [
    'at once',
    () => {
      throw new Error('the limiter is gone')
    },
  ],
  ['later', () => Promise.reject(new Error('the limiter is gone'))],
])(
  'where the limiter fails %s, requests pass or not as the operator says, and the log says it once',
  async (_, take) => {
    const { limits, now, told } = world(take)
    const budget = limits.budgetFor(KEY, MODEL)
    if (budget === undefined) throw new Error('no budget')
    const claim = await limits.claim(budget, WANTED)
    claim.settle(5, ZERO) // the money must not stumble over it
    claim.undo()
    expect(told).toEqual(['the limits cannot be counted'])
    now.settings = { ...now.settings, limiterFailure: 'refuse' }
    now.ticks += 20_000
    await expect(async () => limits.claim(budget, WANTED)).rejects.toMatchObject({
      code: 'overloaded',
    })
    expect(told).toHaveLength(2)
    expect(await limits.states(KEY)).toEqual([])
  },
)

test.each([
  [60_000, '1m0s'],
  [17, '17ms'],
  [999.2, '1000ms'],
  [1_000, '1s'],
  [59_001, '1m0s'],
  [360_000, '6m0s'],
  [86_400_000, '24h0m0s'],
  [3_661_000, '1h1m1s'],
])('%d ms are told as %s', (resetMs, text) => {
  const requests = { limit: 5, left: 4, resetMs }
  const headers = limitHeaders()({ refusal: undefined, requests, tokens: undefined }, 1_000)
  expect(namesAndValues(headers)).toEqual([
    ...['x-ratelimit-limit', '5', 'x-ratelimit-remaining', '4'],
    ...['x-ratelimit-reset', String(Math.ceil(1 + resetMs / 1_000))],
    ...['x-ratelimit-limit-requests', '5', 'x-ratelimit-remaining-requests', '4'],
    ...['x-ratelimit-reset-requests', text],
  ])
})

test('each is told of its own limits, however many others were told of theirs', () => {
  const headersOf = limitHeaders()
  for (let n = 1; n <= 3_000; n++) {
    const tokens = { limit: n % 7, left: n, resetMs: n * 1_000 }
    const headers = headersOf({ refusal: undefined, requests: undefined, tokens }, n)
    expect(namesAndValues(headers)).toEqual([
      ...['x-ratelimit-limit', String(n % 7), 'x-ratelimit-remaining', String(n)],
      ...['x-ratelimit-reset', String(Math.ceil(n + n / 1_000))],
      ...['x-ratelimit-limit-tokens', String(n % 7), 'x-ratelimit-remaining-tokens', String(n)],
      ...['x-ratelimit-reset-tokens', durationText(n * 1_000)],
    ])
  }
})
