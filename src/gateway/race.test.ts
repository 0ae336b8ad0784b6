import { expect, test } from 'vitest'
import { parseChatRequest } from '../domain/chat-request.ts'
import type { Candidate } from '../domain/route.ts'
import type { Admitted } from './admit.ts'
import { Answer } from './answer.ts'
import type { Attempting } from './attempt.ts'
import type { House } from './house.ts'
import { race } from './race.ts'
import { Rounds } from './rounds.ts'
import type { Ticket } from './ticket.ts'

const TIMEOUTS = {
  connectMs: 1_000,
  firstByteMs: 1_000,
  idleMs: 1_000,
  totalMs: 60_000,
  wholeMs: 60_000,
}

const candidate = (id: string): Candidate =>
  ({
    deployment: { id, provider: id, timeouts: TIMEOUTS },
    model: { id: 'm', maxOutput: 10 },
  }) as Candidate

test('a second deployment that cannot even be asked leaves the answer to the first', async () => {
  const clock = {
    ...{ nowMs: () => 0, ticksMs: () => 0 },
    after(ms: number, run: () => void) {
      if (ms === 100) queueMicrotask(run) // the first one is late
      return () => undefined
    },
  }
  const bugs: unknown[] = []
  const house = {
    ...{ clock, traces: undefined },
    providers: () => ({
      send() {
        throw new Error('a body that cannot be written')
      },
    }),
    events: { bug: (bug: { error: unknown }) => bugs.push(bug.error) },
  } as unknown as House // all that a race asks of it
  const request = parseChatRequest({
    ...{ model: 'm', messages: [{ role: 'user', content: 'Hi' }], stream: true },
  })
  const attempting = {
    admitted: { request, requestId: 'r', key: { account: 'ann' }, plan: { cap: 10 } },
    reply: { onGone: () => undefined },
    rounds: new Rounds(clock),
  } as unknown as Attempting & { admitted: Admitted }
  const ends: unknown[] = []
  const ticket = { ended: (end: unknown) => ends.push(end) } as unknown as Ticket
  const answer = new Answer({
    ...{ requestId: 'r', account: 'ann', ticksMs: clock.ticksMs, timeouts: TIMEOUTS },
    ...{ isStream: true, onAccepted: () => undefined, ticket: { ended: () => undefined } },
  })
  const first = { candidate: candidate('first'), answer, startedTicks: 0 }
  const raced = race(house, {
    ...{ attempting, first, hedge: { after: 100, maxExtra: 1 }, attempts: [] },
    turns: { beside: () => ({ candidate: candidate('second'), ticket }) },
  })
  await expect.poll(() => bugs).toEqual([new Error('a body that cannot be written')])
  answer.frames(Buffer.from('data: {}'), true)
  expect(await raced).toEqual({ run: first, ending: undefined })
  expect(ends).toHaveLength(1) // the place at the second one's key is free again
})
