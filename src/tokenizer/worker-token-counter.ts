/**
 * Counts in a thread of its own, started at the first count and ended when nothing was asked for a while: the tokenizer
 * takes over 100 MB and, on odd texts, seconds. Whatever goes wrong there, and when too much waits, the answer is the
 * estimate from the bytes: a settle that waits for a count neither hangs nor fails.
 */
import { likelyTokens, textSize } from '../domain/estimate.ts'
import type { TokenCounter } from '../ports/token-counter.ts'
import { startCountingWorker } from './counting-worker.ts'
import { threadOnDemand, type ThreadSettings } from './thread-on-demand.ts'

export type CounterSettings = ThreadSettings &
  Readonly<{ jobsMax: number; charsMax: number; jobMsMax: number }>

const DEFAULTS: CounterSettings = {
  startWorker: () => startCountingWorker(),
  jobsMax: 1000,
  charsMax: 64 * 1024 * 1024,
  jobMsMax: 10_000,
  idleMsMax: 60_000,
  pauseMs: 30_000,
}

type Counts = readonly number[]
type Job = Readonly<{
  texts: readonly string[]
  chars: number
  endMs: number
  answer: (counts: Counts) => void
}>

export function workerTokenCounter(settings: Partial<CounterSettings> = {}): TokenCounter {
  const limits = { ...DEFAULTS, ...settings }
  const thread = threadOnDemand(limits)
  const waiting: Job[] = []
  let chars = 0
  let isWorking = false
  let isStopped = false

  /** In the order asked, so that the first to run out of time is always the one at work, and none outlives its time. */
  async function work(): Promise<void> {
    isWorking = true
    for (let job = waiting[0]; job !== undefined; job = waiting[0]) {
      const counts = isStopped ? undefined : await thread.count(job.texts, job.endMs)
      waiting.shift()
      chars -= job.chars
      job.answer(counts ?? job.texts.map(estimate))
    }
    isWorking = false
  }

  return {
    count(texts) {
      const asked = texts.reduce((sum, text) => sum + text.length, 0)
      const isFull = waiting.length >= limits.jobsMax || chars + asked > limits.charsMax
      if (asked === 0 || isFull || isStopped) return Promise.resolve(texts.map(estimate))
      chars += asked
      const endMs = performance.now() + limits.jobMsMax
      return new Promise((answer) => {
        waiting.push({ texts, chars: asked, endMs, answer })
        if (!isWorking) void work()
      })
    },
    async stop() {
      isStopped = true
      await thread.end()
    },
  }
}

const estimate = (text: string): number => likelyTokens(textSize(text, Buffer.byteLength(text)))
