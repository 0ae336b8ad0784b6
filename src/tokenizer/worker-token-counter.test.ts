import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { likelyTokens, textSize } from '../domain/estimate.ts'
import type { TokenCounter } from '../ports/token-counter.ts'
import { startCountingWorker, type CountingWorker } from './counting-worker.ts'
import { workerTokenCounter, type CounterSettings } from './worker-token-counter.ts'

const started: TokenCounter[] = []
afterEach(() => Promise.all(started.splice(0).map((counter) => counter.stop())))

function testCounter(settings: Partial<CounterSettings> = {}): TokenCounter {
  const counter = workerTokenCounter(settings)
  started.push(counter)
  return counter
}

/** The tokenizer itself, loaded once for all tests that want it. */
const real = workerTokenCounter({ jobMsMax: 60_000 })
afterAll(() => real.stop())

const estimate = (text: string): number => likelyTokens(textSize(text, Buffer.byteLength(text)))

/** A worker made of this code instead of the tokenizer; `starts` counts how many were needed. */
function workerOf(code: string): { startWorker: () => CountingWorker; starts: () => number } {
  let starts = 0
  const source = `import { parentPort } from 'node:worker_threads'\n${code}`
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  const startWorker = (): CountingWorker => {
    starts++
    return startCountingWorker(url)
  }
  return { startWorker, starts: () => starts }
}

const LENGTHS = `parentPort.on('message', (texts) => parentPort.postMessage(texts.map((t) => t.length)))`

test("texts are counted as OpenAI's cookbook says of o200k_base", async () => {
  const texts = [
    'antidisestablishmentarianism',
    '2 + 2 = 4',
    'お誕生日おめでとう',
    'hello world',
    '',
  ]
  expect(await real.count(texts)).toEqual([6, 7, 8, 2, 0])
})

test('the names of special tokens are counted as the text they are', async () => {
  const texts = ['<|endoftext|>', 'a <|endofprompt|> b', '<|im_start|>system']
  expect(await real.count(texts)).toEqual([7, 9, 7])
})

test.each([
  ['a letter', 'a', 132_812],
  ['spaces', ' ', 7820],
  ['line ends', '\n', 62_500],
  ['an emoji', '👋', undefined],
])(
  'a megabyte of %s is counted in no time, and the event loop stays free',
  async (_, text, tokens) => {
    await real.count(['warm'])
    const started = performance.now()
    let ticks = 0
    const ticking = setInterval(() => ticks++, 1)
    const [count = 0] = await real.count([text.repeat(1_000_000 / text.length)])
    clearInterval(ticking)
    expect(performance.now() - started).toBeLessThan(5000)
    expect(ticks).toBeGreaterThan(0)
    if (tokens === undefined) expect(count).toBeGreaterThan(100_000)
    else expect(Math.abs(count - tokens)).toBeLessThan(tokens / 10)
  },
)

test('a thousand counts at a time are all answered, each with its own', async () => {
  const counts = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => real.count(['word '.repeat(index).trim()])),
  )
  expect(counts.flat()).toEqual(Array.from({ length: 1000 }, (_, index) => index))
})

test('lone surrogates and control characters are no trouble', async () => {
  const counts = await real.count(['\ud800', '\u0000\u0001', '\udc00'.repeat(1000)])
  expect(counts.every((count) => count > 0)).toBe(true)
})

test('when the worker dies the answer is the estimate, and no other is started for a while', async () => {
  const { startWorker, starts } = workerOf(`parentPort.on('message', () => process.exit(1))`)
  const counter = testCounter({ startWorker })
  expect(await counter.count(['hello world'])).toEqual([estimate('hello world')])
  expect(await counter.count(['hello again'])).toEqual([estimate('hello again')])
  expect(starts()).toBe(1)
})

test('after that while a new worker is tried', async () => {
  const { startWorker, starts } = workerOf(`throw new Error('broken from the start')`)
  const counter = testCounter({ startWorker, pauseMs: 0 })
  await counter.count(['one'])
  await counter.count(['two'])
  expect(starts()).toBe(2)
})

test('a worker that cannot be started at all is no failure', async () => {
  const counter = testCounter({
    startWorker: () => {
      throw new Error('no threads left')
    },
  })
  expect(await counter.count(['hello world'])).toEqual([estimate('hello world')])
})

test('a text the tokenizer cannot take gets the estimate; the worker lives on', async () => {
  const answer = `texts[0] === 'bad' ? null : texts.map((t) => t.length)`
  const { startWorker, starts } = workerOf(
    `parentPort.on('message', (texts) => parentPort.postMessage(${answer}))`,
  )
  const counter = testCounter({ startWorker })
  expect(await Promise.all([counter.count(['bad']), counter.count(['good!'])])).toEqual([[1], [5]])
  expect(starts()).toBe(1)
})

test('a worker that hangs is replaced: the late get estimates, the next a count', async () => {
  const { startWorker, starts } = workerOf(
    `parentPort.on('message', (texts) => { while (texts[0] === 'hang'); parentPort.postMessage([77]) })`,
  )
  const counter = testCounter({ startWorker, jobMsMax: 2_000 })
  const [late, behind] = await Promise.all([counter.count(['hang']), counter.count(['text'])])
  expect(late).toEqual([estimate('hang')])
  expect(behind).toEqual([estimate('text')])
  expect(await counter.count(['text'])).toEqual([77])
  expect(starts()).toBe(2)
})

test('beyond its bounds, in counts or in characters, the answer is the estimate at once', async () => {
  const { startWorker } = workerOf(LENGTHS)
  const few = testCounter({ startWorker, jobsMax: 2 })
  const answers = await Promise.all(['a', 'bb', 'ccc'].map((text) => few.count([text])))
  expect(answers).toEqual([[1], [2], [estimate('ccc')]])
  const small = testCounter({ startWorker, charsMax: 5 })
  expect(await Promise.all([small.count(['abc']), small.count(['abcd'])])).toEqual([[3], [1]])
  expect(await small.count(['abcd'])).toEqual([4])
})

test('an idle worker is ended, and started again at need', async () => {
  const { startWorker, starts } = workerOf(LENGTHS)
  const counter = testCounter({ startWorker, idleMsMax: 20 })
  await counter.count(['abc'])
  await vi.waitFor(
    async () => {
      expect(await counter.count(['abcd'])).toEqual([4])
      expect(starts()).toBe(2)
    },
    { interval: 60, timeout: 30_000 },
  )
})

test('nothing is started for nothing', async () => {
  const { startWorker, starts } = workerOf(LENGTHS)
  expect(await testCounter({ startWorker }).count(['', ''])).toEqual([0, 0])
  expect(await testCounter({ startWorker }).count([])).toEqual([])
  expect(starts()).toBe(0)
})

test('stopping answers what waits with estimates, and so is all after it', async () => {
  const { startWorker } = workerOf(`parentPort.on('message', () => {})`)
  const counter = testCounter({ startWorker })
  const waiting = [counter.count(['hello world']), counter.count(['hello'])]
  await counter.stop()
  expect(await Promise.all(waiting)).toEqual([[estimate('hello world')], [estimate('hello')]])
  expect(await counter.count(['later'])).toEqual([estimate('later')])
})
