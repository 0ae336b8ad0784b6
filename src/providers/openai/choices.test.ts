import { describe, expect, test } from 'vitest'
import { Choices } from './choices.ts'
import { Heard, sse, upstream } from './fixtures/loopback.ts'
import { StreamScanner } from './stream-scanner.ts'

type Choice = Readonly<{ index: number; content?: string; finish?: string }>

const event = (...choices: readonly Choice[]): string =>
  `data: ${JSON.stringify({
    ...{ id: 'c', created: 1, model: 'up' },
    choices: choices.map(({ index, content, finish }) => ({
      ...{ index, delta: content === undefined ? {} : { content } },
      finish_reason: finish ?? null,
    })),
  })}\n\n`
const say = (index: number, content = 'word'): string => event({ index, content })
const finish = (index: number): string => event({ index, finish: 'stop' })
const ERROR = 'data: {"error":{"message":"boom","code":500}}\n\n'
const DONE = 'data: [DONE]\n\n'
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'

const BOTH = say(0) + say(1)
/** The second is in the middle of its text. */
const ONE_OF_TWO = BOTH + finish(0) + say(1, 'half')
const TWO = ONE_OF_TWO + finish(1)
/** Of an upstream that does not know `n`. */
const ALONE = say(0) + finish(0)

type Ending = 'close' | 'reset' | 'none'

async function heard(text: string, how: Ending, n?: number): Promise<Heard> {
  const provider = await upstream((_req, res) => {
    sse(res).write(text, () => {
      if (how === 'close') res.end()
      else if (how === 'reset') setTimeout(() => res.destroy(), 20)
    })
  })
  return new Heard(provider, { stream: true, ...(n !== undefined && { n }) })
}

describe('a stream of two choices, of which one has finished and the other has not,', () => {
  test.each<[string, string, Ending, string]>([
    ['is reset', '', 'reset', 'broken'],
    ['is closed', '', 'close', 'broken'],
    ['ends with [DONE]', DONE, 'close', 'broken'],
    ['ends with an error', ERROR, 'close', 'server'],
    ['ends with its usage and [DONE]', USAGE + DONE, 'close', 'broken'],
  ])('is broken where it %s', async (_how, end, how, kind) => {
    const { over } = await heard(ONE_OF_TWO + end, how, 2)
    expect(await over).toMatchObject({ kind: 'fault', fault: { kind } })
  })

  test('is not about to end, and one of them is told to have finished', async () => {
    const { call, frames } = await heard(ONE_OF_TWO, 'none', 2)
    await expect.poll(() => Buffer.concat(frames).toString()).toContain('half')
    expect(call.isFinishing).toBe(false)
    expect([0, 1].map((index) => call.isFinished?.(index))).toEqual([true, false])
    call.cancel()
  })
})

test.each<[string, string, Ending]>([
  ['is reset', '', 'reset'],
  ['is closed', '', 'close'],
  ['ends with an error', ERROR, 'close'],
  ['ends with [DONE]', DONE, 'close'],
])('a stream whose choices have all finished is whole where it %s', async (_how, end, how) => {
  const { over, call } = await heard(TWO + USAGE + end, how, 2)
  expect(await over).toMatchObject({ kind: 'finished', usage: { input: 3, output: 4 } })
  expect([0, 1].map((index) => call.isFinished?.(index))).toEqual([true, true])
})

describe('an upstream that was asked for two and gives one, which finishes,', () => {
  test.each<[string, string, Ending]>([
    ['says [DONE]', DONE, 'close'],
    ['says [DONE], and is reset', DONE, 'reset'],
    ['ends its answer properly', '', 'close'],
  ])('gave a whole answer where it %s', async (_how, end, how) => {
    const { over } = await heard(ALONE + USAGE + end, how, 2)
    expect(await over).toMatchObject({ kind: 'finished', usage: { output: 4 } })
  })

  test.each<[string, string, Ending, string]>([
    ['is reset', '', 'reset', 'broken'],
    ['tells an error', ERROR, 'close', 'server'],
  ])(
    'broke off where it %s: nobody knows whether the other was to come',
    async (_how, end, how, kind) => {
      const { over } = await heard(ALONE + end, how, 2)
      expect(await over).toMatchObject({ kind: 'fault', fault: { kind } })
    },
  )
})

test('a choice that nobody asked for has to finish, too, where others did not suffice', async () => {
  const { over } = await heard(BOTH + say(2) + finish(2) + finish(0) + DONE, 'close', 2)
  expect(await over).toMatchObject({ kind: 'fault' })
})

test('of one choice any finish is the finish, however its chunks are numbered', async () => {
  const { over, call } = await heard(say(0) + say(1) + finish(1), 'reset')
  expect(await over).toMatchObject({ kind: 'finished' })
  expect(call.isFinished?.(0)).toBe(true)
})

test('choices that begin late are known: frames pass unread only when all have begun', () => {
  const isRead = (before: string, { asked }: { asked: number }): boolean => {
    const scanner = new StreamScanner(undefined, asked)
    scanner.push(Buffer.from(before))
    scanner.push(Buffer.from(say(0).replace('}]', '},]'))) // not JSON, which only a reader finds
    return scanner.fault !== undefined
  }
  expect(isRead(say(0), { asked: 1 })).toBe(false)
  expect(isRead(BOTH, { asked: 2 })).toBe(false)
  expect(isRead(say(0) + say(0), { asked: 2 })).toBe(true)
  const scanner = new StreamScanner(undefined, 2)
  for (const text of [say(0), say(0), say(1), finish(0)]) scanner.push(Buffer.from(text))
  expect(scanner).toMatchObject({ hasFinish: false, mayEnd: false })
})

test('choices without a number are told apart by their place', () => {
  const scanner = new StreamScanner(undefined, 2)
  const both = (reason: string): string =>
    `data: {"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"},"finish_reason":"${reason}"}]}\n\n`
  scanner.push(Buffer.from(both('stop')))
  expect(scanner.mayEnd).toBe(false)
  scanner.push(Buffer.from(finish(0)))
  expect(scanner.hasFinish).toBe(true)
})

describe('choices', () => {
  test('have finished when as many as were asked for began, and all of these finished', () => {
    const choices = new Choices(2)
    const seen = [
      [5, false],
      [5, true],
      [6, false],
      [6, true],
    ] as const
    const states = seen.map(([index, isFinish]) => {
      choices.note(index, isFinish)
      return [choices.haveBegun, choices.areWhole, choices.haveFinished]
    })
    expect(states).toEqual([
      [false, false, false],
      [false, true, false],
      [true, false, false],
      [true, true, true],
    ])
  })

  test('stay finished, whatever comes behind', () => {
    const choices = new Choices(1)
    expect(choices.areWhole).toBe(false)
    for (const isFinish of [true, false, true]) choices.note(0, isFinish)
    expect(choices).toMatchObject({ areWhole: true, haveFinished: true })
  })
})
