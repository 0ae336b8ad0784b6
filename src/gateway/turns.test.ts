import { describe, expect, test, vi } from 'vitest'
import type { Fault } from '../domain/fault.ts'
import { ANSWERED, bed, deployment, failed } from './fixtures/routing-bed.ts'
import type { Turn, Turns } from './turns.ts'

/** Of no caller who cancels. */
const UNTOUCHED = { isStopped: false, onStopped: () => undefined }

/** The turn fails, and the next one is asked for. */
function afterFailure(turns: Turns, { candidate, ticket }: Turn, kind: Fault['kind'] = 'server') {
  ticket.ended(failed(kind))
  return turns.after({ candidate, fault: { kind }, wasSent: kind !== 'connect', answer: UNTOUCHED })
}

/** Of one provider. */
const threeKeys = () =>
  ['a1', 'a2', 'a3'].map((id, keyIndex) => deployment(id, { provider: 'p', keyIndex }))

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

  test('that reaches nobody at an address goes elsewhere before it tries another key there', async () => {
    const there = (id: string, priority = 0) =>
      deployment(id, { provider: 'p', address: 'a.example', priority })
    const all = [there('a1'), there('a2'), there('a3'), deployment('b', { priority: 1 })]
    const { turns: begin } = bed(all)
    const turns = begin()
    const second = await afterFailure(turns, await turns.first(), 'connect')
    expect(idOf(second)).toBe('b')
    expect(idOf(second && (await afterFailure(turns, second)))).toBe('a2')
  })

  test.each(['server', 'timeout', 'broken', 'empty', 'misrouted'] as const)(
    'that meets what is no matter of a key (%s) goes to another provider before the next key there',
    async (kind) => {
      const keys = threeKeys()
      const turns = bed([...keys, deployment('b', { priority: 1 })]).turns()
      const second = await afterFailure(turns, await turns.first(), kind)
      const third = second && (await afterFailure(turns, second, kind))
      expect([second, third].map(idOf)).toEqual(['b', 'a2'])
    },
  )

  test.each(['credential', 'rate_limited'] as const)(
    'that meets a matter of the key (%s) tries the next one there, and its last attempt elsewhere',
    async (kind) => {
      const keys = threeKeys()
      const { turns: begin, clock } = bed([...keys, deployment('b', { priority: 1 })])
      const turns = begin()
      const next = afterFailure(turns, await turns.first(), kind)
      clock.pass(1_000)
      const second = await next
      const third = second && (await afterFailure(turns, second, kind))
      expect([second, third].map(idOf)).toEqual(['a2', 'b'])
    },
  )

  test('that looks for others behind its own takes the turn of nobody', async () => {
    const all = ['a', 'b', 'c', 'd'].map((id) => deployment(id, { address: 'p.example' }))
    const { turns: begin } = bed(all, { strategy: 'round-robin' })
    const asked: (string | undefined)[] = []
    for (const _ of all) {
      const turns = begin()
      const first = await turns.first()
      asked.push(idOf(first))
      await afterFailure(turns, first)
    }
    expect(asked).toEqual(['a', 'b', 'c', 'd'])
  })

  test('is answered by another model only when it has one attempt left', async () => {
    const keys = threeKeys()
    const { turns: begin, clock } = bed(keys, { fallback: [deployment('other')] })
    const turns = begin()
    const next = afterFailure(turns, await turns.first())
    clock.pass(1_000)
    const second = await next
    const third = second && (await afterFailure(turns, second))
    expect([second, third].map(idOf)).toEqual(['a2', 'other'])
  })

  test('tries the next key where a connection broke that had come about, or nobody is elsewhere', async () => {
    const [a1, a2, b] = [
      deployment('a1', { provider: 'p' }),
      deployment('a2', { provider: 'p' }),
      deployment('b'),
    ]
    for (const [all, wasSent] of [
      [[a1, a2, b], true],
      [[a1, a2], false],
    ] as const) {
      const { turns: begin, clock } = bed(all)
      const turns = begin()
      const { candidate, ticket } = await turns.first()
      ticket.ended(failed('connect'))
      const next = turns.after({
        candidate,
        fault: { kind: 'connect' },
        wasSent,
        answer: UNTOUCHED,
      })
      clock.pass(1_000)
      expect(idOf(await next)).toBe('a2')
    }
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
    expect(
      await turns.after({ candidate, fault, wasSent: true, answer: UNTOUCHED }),
    ).toBeUndefined()
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

  test('waits five times as long for room where nobody sits and waits for the answer', async () => {
    const a = deployment('a', { concurrencyMax: 1 })
    const { turns: begin, traffic, clock } = bed([a], { isBatch: true })
    const running = traffic.begin(a)
    const lucky = begin().first()
    clock.pass(9_999)
    running.ended(ANSWERED)
    const { ticket } = await lucky
    const waiting = begin().first()
    clock.pass(10_000)
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded' })
    ticket.ended(ANSWERED)
  })

  test('whose only deployment cools is refused at once where the budget is spent', async () => {
    const { turns: begin, traffic } = bed([deployment('a')], { retryShare: 0 })
    for (let count = 0; count < 6; count++) traffic.retried('a')
    const asked = vi.spyOn(traffic, 'mayRetry')
    const turns = begin()
    // Where it is asked for ever, nothing else happens in the process.
    asked.mockImplementation(() => {
      if (asked.mock.calls.length > 9) throw new Error('it is asked for ever')
      return false
    })
    expect(await afterFailure(turns, await turns.first(), 'rate_limited')).toBeUndefined()
    expect(asked).toHaveBeenCalledTimes(1)
  })

  test('that waits for room is not sent to what an operator switches off meanwhile, but to the next one', async () => {
    const [a, b] = [deployment('a', { concurrencyMax: 1 }), deployment('b', { concurrencyMax: 1 })]
    const { turns: begin, traffic } = bed([a, b])
    const [atA, atB] = [traffic.begin(a), traffic.begin(b)]
    const waiting = begin().first()
    traffic.switchOff({ kind: 'provider', provider: 'a' })
    atB.ended(ANSWERED)
    atA.ended(ANSWERED)
    expect(idOf(await waiting)).toBe('b')
    expect(traffic.inFlight(a)).toBe(0)
  })

  test('that waits for room gets it from a configuration that has more', async () => {
    const a = (concurrencyMax: number) => deployment('a', { concurrencyMax })
    const { turns: begin, traffic, reload } = bed([a(1)])
    traffic.begin(a(1))
    const waiting = begin().first()
    const state = { isOver: false }
    void Promise.resolve(waiting).then(() => (state.isOver = true))
    reload([a(2)])
    await new Promise(setImmediate)
    expect(state.isOver).toBe(true)
    expect(traffic.inFlight(a(2))).toBe(2)
  })

  test('that waits for room at what is then switched off is refused, and not for a lack of room', async () => {
    const a = deployment('a', { concurrencyMax: 1 })
    const { turns: begin, traffic } = bed([a])
    const running = traffic.begin(a)
    const waiting = begin().first()
    traffic.switchOff({ kind: 'provider', provider: 'a' })
    running.ended(ANSWERED)
    await expect(waiting).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(traffic.inFlight(a)).toBe(0)
  })

  test('that pauses before it asks again does not ask what an operator switches off meanwhile', async () => {
    for (const others of [[], ['b']]) {
      const all = ['a', ...others].map((id) => deployment(id, { provider: 'p' }))
      const {
        turns: begin,
        traffic,
        clock,
      } = bed([...all, ...others.map((id) => deployment(`${id}2`))])
      const turns = begin()
      const next = afterFailure(turns, await turns.first(), 'connect')
      traffic.switchOff({ kind: 'provider', provider: 'p' })
      clock.pass(1_000)
      expect(idOf(await next)).toBe(others.length === 0 ? undefined : 'b2')
    }
  })

  test('whose caller has left asks nobody', async () => {
    const { turns: begin, reply } = bed(['a', 'b'].map((id) => deployment(id)))
    const turns = begin()
    const first = await turns.first()
    reply.isGone = true
    expect(await afterFailure(turns, first)).toBeUndefined()
  })
})
