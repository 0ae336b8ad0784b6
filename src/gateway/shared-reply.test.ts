import { expect, test } from 'vitest'
import type { Reply } from '../ports/reply.ts'
import { SharedReply } from './shared-reply.ts'

/** Somebody who listens, and may read slowly. */
function member(isFlowing = true) {
  const gone: (() => void)[] = []
  const drained: (() => void)[] = []
  const heard: string[] = []
  const reply: Reply = {
    isGone: false,
    hasBegun: false,
    announce: () => undefined,
    onGone: (listener) => gone.push(listener),
    send: (_, body) => heard.push(String(body)),
    begin: () => heard.push('begin'),
    write: (bytes) => heard.push(String(bytes)) > 0 && isFlowing,
    onWritable: (listener) => drained.push(listener),
    end: () => heard.push('end'),
    fail: () => undefined,
  }
  return {
    reply,
    heard,
    leave: () => {
      for (const listener of gone) listener()
    },
    drain: () => {
      for (const listener of drained) listener()
    },
  }
}

function shared(waitMs = 0, bytesMax = Infinity) {
  const waiting: (() => void)[] = []
  const clock = {
    after: (_ms: number, run: () => void) => {
      waiting.push(run)
      return () => undefined
    },
  }
  const told: string[] = []
  let bytes = 0
  const memory = {
    remember: (more: number) => (bytes += more) <= bytesMax,
    forget: () => (bytes = 0),
  }
  const reply = new SharedReply({ clock, waitMs, ...memory })
  reply.onGone(() => told.push('gone'))
  reply.onWritable(() => told.push('writable'))
  const pass = () => {
    for (const run of waiting.splice(0)) run()
  }
  return { reply, told, pass }
}

test('who joins late gets it as it was, though its memory is used again', () => {
  const { reply } = shared()
  const [early, late] = [member(), member()]
  reply.join(early.reply, true)
  const memory = Buffer.from('one')
  reply.write(memory)
  memory.write('two')
  reply.write(memory)
  memory.fill('x')
  reply.join(late.reply, false)
  expect(late.heard).toEqual(['one', 'two'])
  expect(early.heard).toEqual(['one', 'two'])
})

test('when the one who reads slowest leaves, the others are not kept waiting', () => {
  const { reply, told } = shared()
  const [slow, quick] = [member(false), member()]
  reply.join(slow.reply, true)
  reply.join(quick.reply, false)
  expect(reply.write('a')).toBe(false)
  slow.leave()
  expect(told).toEqual(['writable'])
  expect(reply.write('b')).toBe(true)
  expect(quick.heard).toEqual(['a', 'b'])
})

test('who reads does not hurry the one who does not', () => {
  const { reply, told } = shared()
  const [mute, slow] = [member(false), member(false)]
  reply.join(mute.reply, true)
  reply.join(slow.reply, false)
  expect(reply.write('a')).toBe(false)
  slow.drain()
  expect(told).toEqual([])
  expect(reply.write('b')).toBe(false)
  mute.leave()
  slow.drain()
  expect(told).toEqual(['writable'])
})

test('it is given up when the last has left and nobody came in time', () => {
  const { reply, told, pass } = shared(100)
  const [first, retry] = [member(), member()]
  reply.join(first.reply, true)
  first.leave()
  expect(reply.isGone).toBe(false)
  reply.write('a')
  reply.join(retry.reply, false)
  pass()
  expect(reply.isGone).toBe(false)
  expect(retry.heard).toEqual(['a'])
  retry.leave()
  pass()
  expect([reply.isGone, told.includes('gone')]).toEqual([true, true])
})

test('what is too long to be remembered goes on to those who are there, and waits for nobody', () => {
  const { reply } = shared(100, 2)
  const first = member()
  reply.join(first.reply, true)
  for (const part of ['a', 'b', 'c', 'd']) reply.write(part)
  expect(reply.isJoinable).toBe(false)
  expect(first.heard).toEqual(['a', 'b', 'c', 'd'])
  first.leave()
  expect(reply.isGone).toBe(true)
})
