import { describe, expect, test } from 'vitest'
import type { AnswerEnd, RunningCall } from '../ports/provider.ts'
import { Answer, reportedUsage } from './answer.ts'
import { textUsage } from '../domain/usage.ts'

const FINISHED: AnswerEnd = {
  kind: 'finished',
  usage: textUsage(1, 2),
  serviceTier: undefined,
  usageChunk: undefined,
  body: undefined,
}
const FAULT = { kind: 'server', status: 503 } as const

function running(isStream = true, { connectMs = 5_000, idleMs = 50, totalMs = 1_000 } = {}) {
  let now = 1_000
  const told: string[] = []
  const answer = new Answer({
    requestId: 'req_1',
    account: 'ann',
    ticksMs: () => now,
    timeouts: { connectMs, firstByteMs: 100, idleMs, totalMs, wholeMs: 700 },
    isStream,
    onAccepted: () => told.push('accepted'),
    ticket: { ended: () => undefined },
  })
  let isFinishing = false
  const call: RunningCall = {
    giveUp: (fault) => {
      told.push('give up')
      answer.ended(isFinishing ? FINISHED : { kind: 'fault', fault, usage: textUsage(3, 0) })
    },
    pause: () => told.push('pause'),
    resume: () => told.push('resume'),
    cancel: () => told.push('cancel'),
    get isFinishing() {
      return isFinishing
    },
    delivered: () => ({ text: 'Hi', size: { ascii: 2, other: 0 } }),
  }
  const relayed: string[] = []
  return {
    answer,
    call,
    told,
    relayed,
    relay: () => answer.relayTo((bytes) => relayed.push(Buffer.from(bytes).toString())),
    frames: (text: string, visible = true) => answer.frames(Buffer.from(text), visible),
    forward: (ms: number) => (now += ms),
    finish: () => (isFinishing = true),
  }
}

/** What a promise has come to by now, or that it has not. */
const stateOf = (promise: unknown) => Promise.race([promise, Promise.resolve('pending')])

describe('the start of an answer', () => {
  test('is its first visible token, not a role', async () => {
    const { answer, frames } = running()
    frames('role', false)
    expect(answer.isVisible).toBe(false)
    expect(await stateOf(answer.started())).toBe('pending')
    frames('a')
    expect(answer.isVisible).toBe(true)
    expect(await answer.started()).toBeUndefined()
  })

  test('is its end, when that comes first', async () => {
    const { answer } = running()
    answer.ended(FINISHED)
    expect(await answer.started()).toEqual(FINISHED)
    expect(await answer.over()).toEqual(FINISHED)
    expect(answer.isVisible).toBe(false)
  })

  test('is not the end of one that had begun', async () => {
    const { answer, frames } = running()
    frames('a')
    answer.ended(FINISHED)
    expect(await answer.started()).toBeUndefined()
    expect(await answer.over()).toEqual(FINISHED)
  })
})

describe('frames', () => {
  test('kept back until somebody relays come first, and in order', () => {
    const { frames, relay, relayed } = running()
    frames('role', false)
    frames('a')
    frames('b')
    relay()
    expect(relayed).toEqual(['role', 'a', 'b'])
    frames('c')
    expect(relayed).toEqual(['role', 'a', 'b', 'c'])
  })

  test('kept back are as they were, though their memory is used again', () => {
    const { answer, relay, relayed } = running()
    const memory = Buffer.from('one')
    answer.frames(memory, false)
    memory.write('two')
    answer.frames(memory, true)
    memory.fill('x')
    relay()
    expect(relayed).toEqual(['one', 'two'])
  })

  test('of an attempt that nobody relays are shown to nobody', () => {
    const { answer, frames, relayed } = running()
    frames('role', false)
    answer.fail(FAULT)
    expect(relayed).toEqual([])
  })

  test.each(['a frame', 'a resume'])(
    '%s is a sign of life, from which the silence is counted',
    async (sign) => {
      const { answer, frames } = running()
      frames('a')
      answer.look(1_040)
      if (sign === 'a frame') frames('b')
      else answer.resume()
      answer.look(1_080)
      answer.look(1_129)
      const over = answer.over()
      expect(await stateOf(over)).toBe('pending')
      answer.look(1_130)
      expect(await over).toMatchObject({ fault: { kind: 'timeout' } })
    },
  )
})

describe('the end of an answer', () => {
  test('is a failed connection where none came about in its time', async () => {
    const { answer } = running()
    answer.look(1_099)
    expect(await stateOf(answer.over())).toBe('pending')
    const { answer: accepted } = running(false, { connectMs: 50 })
    accepted.accepted()
    accepted.look(1_099)
    expect(await stateOf(accepted.over())).toBe('pending')
    const { answer: unconnected } = running(false, { connectMs: 50 })
    unconnected.look(1_050)
    expect(await unconnected.over()).toMatchObject({ fault: { kind: 'connect' } })
  })

  test('comes once: whoever is first decides', async () => {
    const { answer, call, told } = running()
    answer.runs(call)
    answer.fail(FAULT)
    answer.ended(FINISHED)
    answer.leave()
    const fault = { kind: 'fault', fault: FAULT, usage: textUsage(3, 0) }
    expect(await answer.over()).toEqual(fault)
    expect(told).toEqual(['give up'])
  })

  test('by the caller’s leaving cancels the provider', async () => {
    const { answer, call, told } = running()
    answer.runs(call)
    answer.leave()
    expect(await answer.over()).toEqual({ kind: 'gone' })
    expect(await answer.started()).toEqual({ kind: 'gone' })
    expect(told).toEqual(['cancel'])
  })

  test('wakes whoever waits for the start, and then whoever waits for the end', async () => {
    const { answer, frames } = running()
    const started = answer.started()
    frames('a')
    expect(await started).toBeUndefined()
    const over = answer.over()
    frames('b')
    expect(await stateOf(over)).toBe('pending')
    answer.ended(FINISHED)
    expect(await over).toEqual(FINISHED)
  })

  test.each([
    ['no first token in time', [], 100],
    ['silence after one', [40], 90],
    ['too long in all', Array.from({ length: 39 }, (_, at) => (at + 1) * 25), 1_000],
  ])('comes by itself for a stream with %s', (_what, framesAt, endsAt) => {
    const { answer, frames, forward } = running()
    let now = 0
    for (; now < endsAt; now += 5) {
      if (framesAt.includes(now)) frames('a')
      answer.look(1_000 + now)
      forward(5)
    }
    const over = answer.over()
    answer.look(1_000 + endsAt)
    return expect(over).resolves.toMatchObject({ kind: 'fault', fault: { kind: 'timeout' } })
  })

  test('waits for what is not streamed until its whole time is over', async () => {
    const { answer } = running(false)
    answer.look(1_699)
    expect(await stateOf(answer.over())).toBe('pending')
    answer.look(1_700)
    expect(await answer.over()).toMatchObject({ fault: { kind: 'timeout' } })
  })

  test.each([
    ['five seconds', { idleMs: 60_000, totalMs: 600_000 }, 5_000],
    ['as long as silence may last, where that is less', { idleMs: 300, totalMs: 600_000 }, 300],
    ['no longer than the whole answer may take', { idleMs: 60_000, totalMs: 2_000 }, 2_000],
  ])('behind the finish is waited for %s, and then it is there', async (_what, times, waitMs) => {
    const { answer, call, frames, finish, told } = running(true, times)
    answer.runs(call)
    answer.accepted()
    frames('the finish')
    finish()
    answer.look(1_000)
    answer.look(1_000 + waitMs - 1)
    expect(await stateOf(answer.over())).toBe('pending')
    answer.look(1_000 + waitMs)
    expect(await answer.over()).toEqual(FINISHED)
    expect(told).toEqual(['accepted', 'give up'])
  })

  test('behind a finish without any token is waited for as shortly', async () => {
    const { answer, call, frames, finish } = running()
    answer.runs(call)
    frames('role and finish', false)
    finish()
    answer.look(1_020)
    answer.look(1_070)
    expect(await answer.over()).toEqual(FINISHED)
  })

  test('behind the finish is good when the gateway stops in between', async () => {
    const { answer, call, frames, finish } = running()
    answer.runs(call)
    frames('the finish')
    finish()
    answer.hurry()
    expect(await answer.over()).toEqual(FINISHED)
  })

  test('is not hastened by a caller who reads slowly', async () => {
    const { answer, frames } = running()
    frames('a')
    answer.pause()
    answer.look(1_900)
    expect(await stateOf(answer.over())).toBe('pending')
  })

  test('before the call was there cancels it when it comes', () => {
    const { answer, call, told } = running()
    answer.leave()
    answer.runs(call)
    expect(told).toEqual(['cancel'])
  })

  test('of a call that finished cancels nothing', () => {
    const { answer, call, told } = running()
    answer.runs(call)
    answer.ended(FINISHED)
    answer.leave()
    answer.fail(FAULT)
    expect(told).toEqual([])
  })
})

test('acceptance is remembered and told', () => {
  const { answer, told } = running()
  expect(answer.wasAccepted).toBe(false)
  answer.accepted()
  expect({ wasAccepted: answer.wasAccepted, told }).toEqual({
    wasAccepted: true,
    told: ['accepted'],
  })
})

test('before the call is there, nothing is delivered and nothing is finishing', () => {
  const { answer, call, finish } = running()
  finish()
  expect(answer.delivered()).toEqual({ text: '', size: { ascii: 0, other: 0 } })
  expect(answer.isFinishing).toBe(false)
  answer.runs(call)
  expect(answer.delivered().text).toBe('Hi')
  expect(answer.isFinishing).toBe(true)
})

test('usage is reported by finishes and by faults, never by a caller who left', () => {
  expect(reportedUsage(FINISHED)).toEqual(textUsage(1, 2))
  expect(reportedUsage({ kind: 'fault', fault: FAULT, usage: textUsage(3, 0) })).toEqual(
    textUsage(3, 0),
  )
  expect(reportedUsage({ kind: 'gone' })).toBeUndefined()
})

describe('an answer whose caller reads slowly', () => {
  const FAILED = { kind: 'fault', fault: { kind: 'server' }, usage: undefined } as const
  const unread = (ms: number) => {
    const { answer, call, frames, forward } = running(true, { totalMs: 1_000, idleMs: 5_000 })
    answer.runs(call)
    answer.accepted()
    frames('a')
    answer.look(forward(10))
    answer.pause()
    answer.look(forward(ms))
    answer.resume()
    answer.look(forward(10))
    return { answer, look: (later: number) => answer.look(forward(later)) }
  }

  test('and whose time runs out is theirs to pay', async () => {
    const { answer, look } = unread(150)
    look(1_000)
    expect(await answer.over()).toMatchObject({ fault: { kind: 'timeout', isCallers: true } })
  })

  test('and which its provider gives up is theirs, too; but not after a moment', async () => {
    for (const [ms, isCallers] of [
      [150, true],
      [80, undefined],
    ] as const) {
      const { answer } = unread(ms)
      answer.ended(FAILED)
      expect(await answer.over()).toMatchObject({
        fault: { kind: 'server', ...(isCallers && { isCallers }) },
      })
      if (isCallers === undefined) expect(await answer.over()).toEqual(FAILED)
    }
  })
})
