import { describe, expect, test } from 'vitest'
import { parseChatRequest } from '../domain/chat-request.ts'
import type { Fault } from '../domain/fault.ts'
import type { Deployment, Model } from '../domain/model.ts'
import { priceFrom } from '../domain/price.ts'
import { Routes } from '../domain/routes.ts'
import type { Reply } from '../ports/reply.ts'
import type { Admitted } from './admit.ts'
import { choose } from './choose.ts'
import type { House } from './house.ts'
import { Traffic } from './traffic.ts'
import { Turns, type Turn } from './turns.ts'

const PRICE = priceFrom({ input: '1', output: '1' }, { creditsPerUsd: '1', markup: '0' }, 'v')

const deployment = (id: string, more: Partial<Deployment> = {}): Deployment => ({
  ...{ id, provider: id, keyIndex: 0, upstreamModel: id, priority: 0, weight: 1, price: PRICE },
  timeouts: { connectMs: 1_000, firstByteMs: 1_000, idleMs: 1_000, totalMs: 60_000 },
  concurrencyMax: Infinity,
  ...{ repair: false, capField: 'max_tokens', stripFields: [], ...more },
})

const modelOf = (deployments: readonly Deployment[]): Model => ({
  ...{ id: 'm', ownedBy: 'o', price: PRICE, maxOutput: 10, defaultMaxOutput: 10 },
  ...{ imageTokensMax: 0, contextTokens: undefined, serviceTiers: {}, limits: {} },
  ...{ strategy: 'priority', affinity: false, deployments, fallbacks: [] },
})

/** Time that passes when somebody says so. */
function handClock() {
  const waiting: { at: number; run: () => void }[] = []
  let now = 0
  return {
    nowMs: () => now,
    ticksMs: () => now,
    after(ms: number, run: () => void) {
      const one = { at: now + ms, run }
      waiting.push(one)
      return () => void waiting.splice(waiting.indexOf(one), waiting.includes(one) ? 1 : 0)
    },
    pass(ms: number) {
      now += ms
      for (const one of waiting.filter(({ at }) => at <= now)) {
        waiting.splice(waiting.indexOf(one), 1)
        one.run()
      }
    },
  }
}

function bed(deployments: readonly Deployment[], { attemptsMax = 3, retryShare = 0.1 } = {}) {
  const clock = handClock()
  const told: string[] = []
  const tell = (message: string) => void told.push(message)
  const resilience = {
    breaker: { failuresMax: 5, openMs: 30_000 },
    ...{ keyOffMs: 600_000, retryShare },
  }
  const routes = new Routes([modelOf(deployments)], new Map())
  const traffic = new Traffic({
    ...{ clock, chance: () => 0.5, settings: () => resilience, switchedOff: [] },
    ...{ events: { notice: tell, warning: tell, problem: tell } },
    deployments: () => routes.deployments(),
  })
  const house = {
    ...{ traffic, clock, chance: () => 0.5, events: { waited: () => undefined } },
    catalog: { settings: () => ({ attemptsMax, resilience }), tier: () => ({ weight: 1 }) },
    ledger: { account: () => undefined },
  } as unknown as House // all that routing asks of it
  const request = parseChatRequest({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
  const admitted = {
    ...{ request, size: { ascii: 2, other: 0 }, route: routes.find('m') },
    ...{ key: { id: 'k', account: 'ann' }, plan: { cap: 10 } },
  } as unknown as Admitted
  const reply = { isGone: false, onGone: () => undefined } as unknown as Reply
  const turns = () => new Turns(house, { admitted, reply, candidates: choose(house, admitted) })
  return { clock, traffic, told, turns, reply: reply as { isGone: boolean } }
}

const ANSWERED = { fault: undefined, firstByteMs: 100, isStream: true }
const failed = (kind: Fault['kind'], status?: number) => ({
  fault: { kind, ...(status !== undefined && { status }) },
  ...{ firstByteMs: undefined, isStream: true },
})

/** Of no caller who cancels. */
const UNTOUCHED = { isStopped: false, onStopped: () => undefined }

/** The turn fails, and the next one is asked for. */
function afterFailure(turns: Turns, { candidate, ticket }: Turn, kind: Fault['kind'] = 'server') {
  ticket.ended(failed(kind))
  return turns.after({ candidate, fault: { kind }, answer: UNTOUCHED })
}

const idOf = (turn: Turn | undefined) => turn?.candidate.deployment.id

describe('a request', () => {
  test('asks one deployment after the other, and no more than its attempts', async () => {
    const turns = bed(['a', 'b', 'c', 'd'].map((id) => deployment(id))).turns()
    const first = await turns.first()
    const second = await afterFailure(turns, first)
    const third = second && (await afterFailure(turns, second))
    expect([first, second, third].map(idOf)).toEqual(['a', 'b', 'c'])
    expect(third && (await afterFailure(turns, third))).toBeUndefined()
  })

  test('asks who stands behind its attempts where those before cannot be asked any more', async () => {
    const { turns: begin, traffic } = bed(
      ['a', 'b', 'c'].map((id) => deployment(id)),
      {
        attemptsMax: 2,
      },
    )
    const turns = begin()
    const first = await turns.first()
    traffic.switchOff({ kind: 'deployment', id: 'b' })
    expect(idOf(await afterFailure(turns, first))).toBe('c')
  })

  test('asks the only deployment once more where it was not reached, and not where it failed', async () => {
    for (const [kind, again] of [
      ['connect', 'a'],
      ['server', undefined],
    ] as const) {
      const { turns: begin, clock } = bed([deployment('a')])
      const turns = begin()
      const next = afterFailure(turns, await turns.first(), kind)
      clock.pass(1_000)
      expect(idOf(await next)).toBe(again)
    }
  })

  test('is not tried again once the budget is spent, but where a deployment is known to be well', async () => {
    const { turns: begin, traffic } = bed(
      ['a', 'b', 'c'].map((id) => deployment(id)),
      {
        retryShare: 0,
      },
    )
    traffic.begin(deployment('b')).ended(failed('server'))
    for (let count = 0; count < 6; count++) traffic.retried('b')
    const turns = begin()
    expect(idOf(await afterFailure(turns, await turns.first()))).toBe('c')
  })

  test('does not go round and round where the only deployment cools and the budget is spent', async () => {
    const { turns: begin, traffic } = bed([deployment('a')], { retryShare: 0 })
    const turns = begin()
    const { candidate, ticket } = await turns.first()
    for (let count = 0; count < 6; count++) traffic.retried('a')
    const fault: Fault = { kind: 'rate_limited', status: 429, retryAfterMs: 3_000 }
    ticket.ended({ fault, firstByteMs: undefined, isStream: true })
    expect(await turns.after({ candidate, fault, answer: UNTOUCHED })).toBeUndefined()
  })

  test('waits once for room, and then asks who has some', async () => {
    const [a, b, c] = [
      deployment('a', { concurrencyMax: 1 }),
      deployment('b', { concurrencyMax: 1 }),
      deployment('c'),
    ]
    const { turns: begin, traffic, clock } = bed([a, b, c])
    const tickets = [traffic.begin(a), traffic.begin(b)]
    expect(idOf(await begin().first())).toBe('c')
    traffic.switchOff({ kind: 'deployment', id: 'c' })
    const waiting = begin().first()
    clock.pass(2_000)
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded' })
    const lucky = begin().first()
    tickets[0]?.ended(ANSWERED)
    expect(idOf(await lucky)).toBe('a')
  })

  test('whose caller has left asks nobody', async () => {
    const { turns: begin, reply } = bed(['a', 'b'].map((id) => deployment(id)))
    const turns = begin()
    const first = await turns.first()
    reply.isGone = true
    expect(await afterFailure(turns, first)).toBeUndefined()
  })
})

describe('what is known of a deployment', () => {
  const [a, b] = [deployment('a'), deployment('b')]

  test('is that it fails too often, until three calls after the pause have succeeded', () => {
    const { traffic, clock, told } = bed([a, b])
    for (let count = 0; count < 5; count++) traffic.begin(a).ended(failed('server'))
    expect(traffic.stateOf(a).kind).toBe('open')
    clock.pass(30_000)
    expect(traffic.stateOf(a).kind).toBe('probing')
    const probe = traffic.begin(a)
    expect(traffic.stateOf(a).kind).toBe('open')
    probe.ended(ANSWERED)
    for (let count = 0; count < 2; count++) traffic.begin(a).ended(ANSWERED)
    expect(traffic.stateOf(a).kind).toBe('ready')
    expect(told).toEqual([
      'a deployment fails and is left alone for a while',
      'a deployment works again',
    ])
  })

  test('goes with its key, and not with another key of the provider', () => {
    const [one, same, other] = [
      deployment('one', { provider: 'p' }),
      deployment('same', { provider: 'p' }),
      deployment('other', { provider: 'p', keyIndex: 1 }),
    ]
    const { traffic } = bed([one, same, other])
    traffic.begin(one).ended(failed('credential', 401))
    expect([one, same, other].map((each) => traffic.stateOf(each).kind)).toEqual([
      ...['off', 'off', 'ready'],
    ])
  })

  test('outlives a reload, and its limit is that of the new configuration', () => {
    const { traffic } = bed([a, b])
    const running = traffic.begin(a)
    const reloaded = deployment('a', { concurrencyMax: 1 })
    expect(traffic.inFlight(reloaded)).toBe(1)
    expect(traffic.stateOf(reloaded).kind).toBe('full')
    running.ended(ANSWERED)
    expect(traffic.firstByteMs(reloaded)).toBe(100)
    expect(traffic.stateOf(reloaded).kind).toBe('ready')
  })

  test('is forgotten, in the end, where callers make up names, but not while it is asked', () => {
    const { traffic } = bed([a, b])
    const madeUp = (at: number) => deployment(`made/${at}`, { provider: 'open' })
    const running = traffic.begin(a)
    for (let count = 0; count < 5; count++) traffic.begin(madeUp(0)).ended(failed('misrouted', 404))
    expect(traffic.stateOf(madeUp(0)).kind).toBe('open')
    for (let at = 1; at < 10_001; at++) traffic.begin(madeUp(at)).ended(failed('misrouted', 404))
    expect(traffic.stateOf(madeUp(0)).kind).toBe('ready')
    expect(traffic.inFlight(a)).toBe(1)
    running.ended(ANSWERED)
  })

  test('is not held against it once an operator has switched it off and on', () => {
    const { traffic } = bed([a, b])
    traffic.begin(a).ended(failed('credential', 401))
    traffic.switchOff({ kind: 'provider', provider: 'a' })
    expect(traffic.stateOf(a)).toMatchObject({ kind: 'off', isSwitchedOff: true })
    traffic.switchOn({ kind: 'provider', provider: 'a' })
    expect(traffic.stateOf(a).kind).toBe('ready')
  })
})
