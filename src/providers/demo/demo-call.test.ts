import { expect, test, vi } from 'vitest'
import { NO_USAGE } from '../../domain/usage.ts'
import type { AnswerEnd } from '../../ports/provider.ts'
import { DemoCall } from './demo-call.ts'
import type { DemoScript } from './demo-script.ts'

const WORDS = ['', ...'one two three four five six seven eight'.split(/(?= )/), '']

const script: DemoScript = {
  steps: WORDS.map((text, index) => ({ frames: Buffer.from(text), isVisible: index > 0, text })),
  end: {
    kind: 'finished',
    usage: NO_USAGE,
    serviceTier: undefined,
    usageChunk: {},
    body: undefined,
  },
}

type Told = {
  call: DemoCall
  words: string[]
  ends: string[]
  ended: Promise<void>
  onOver: () => void
}

/** Plays the script; `onWord` is told of each step from inside the listener. */
function play(onWord: (told: Told) => void = () => undefined, paceMs = 0): Told {
  const words: string[] = []
  const ends: string[] = []
  const onOver = vi.fn()
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  const listener = {
    accepted: () => undefined,
    frames(bytes: Uint8Array) {
      words.push(Buffer.from(bytes).toString())
      onWord(told)
    },
    ended: ({ kind }: AnswerEnd) => {
      ends.push(kind)
      end()
    },
  }
  const call = new DemoCall({ script, listener, paceMs, onOver })
  const told = { call, words, ends, ended, onOver }
  return told
}

const later = (ms: number): Promise<'later'> =>
  new Promise((resolve) => setTimeout(resolve, ms, 'later'))

test('a cancelled call says no more, and knows what it delivered', async () => {
  const { call, words, ended, onOver } = play((told) => {
    if (told.words.length === 3) told.call.cancel()
  })
  expect(await Promise.race([ended, later(60)])).toBe('later')
  expect(words).toEqual(['', 'one', ' two'])
  expect(call.delivered()).toEqual({ text: 'one two', size: { ascii: 7, other: 0 } })
  call.cancel()
  call.resume()
  await later(20)
  expect(words).toHaveLength(3)
  expect(onOver).toHaveBeenCalledOnce()
})

test('a call cancelled before it began says nothing', async () => {
  const { call, words, ended } = play()
  call.cancel()
  expect(await Promise.race([ended, later(30)])).toBe('later')
  expect(words).toEqual([])
})

test('a paused call waits, and goes on where it was', async () => {
  const { call, words, ended } = play((told) => {
    if (told.words.length === 3) told.call.pause()
  })
  expect(await Promise.race([ended, later(60)])).toBe('later')
  expect(words).toHaveLength(3)
  call.resume()
  await ended
  expect(words).toEqual(WORDS)
})

test('a call paused before it began begins when it is resumed', async () => {
  const { call, words, ended } = play()
  call.pause()
  await later(20)
  expect(words).toEqual([])
  call.resume()
  await ended
  expect(words).toEqual(WORDS)
})

test('words come at the pace that was asked for, also after a pause that ended at once', async () => {
  const started = performance.now()
  const { words, ended } = play((told) => {
    if (told.words.length > 1) return
    told.call.pause()
    told.call.resume()
  }, 10)
  await ended
  expect(words).toEqual(WORDS)
  expect(performance.now() - started).toBeGreaterThanOrEqual(10 * WORDS.length - 10)
})

test('a call says when only its usage is still to come', async () => {
  const seen: boolean[] = []
  await play(({ call }) => seen.push(call.isFinishing)).ended
  expect(seen).toEqual(WORDS.map((_, index) => index === WORDS.length - 1))
})

test.each([
  ['before its end is a fault', 2, 'fault'],
  ['when all of it is out has finished', WORDS.length, 'finished'],
])('a call that is given up %s, and says so once', async (_when, count, kind) => {
  const { call, words, ends, ended, onOver } = play((told) => {
    if (told.words.length === count) told.call.giveUp({ kind: 'timeout', detail: 'too late' })
  })
  await ended
  call.giveUp({ kind: 'timeout', detail: 'later still' })
  await later(20)
  expect({ ends, words: words.length }).toEqual({ ends: [kind], words: count })
  expect(onOver).toHaveBeenCalledOnce()
})
