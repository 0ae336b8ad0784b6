import { Worker } from 'node:worker_threads'
import { Failure } from '../../../domain/failure.ts'
import type { RequestRecords } from '../../../domain/receipt.ts'
import type { UsagePage } from '../../../domain/usage-query.ts'
import type { UsageBook } from '../../../ports/usage.ts'
import { tooManyQuestions } from './refusals.ts'
import type { Answered, Question } from './questions.ts'
import type { End } from './reader.ts'

export type ThreadOptions = Readonly<{
  dir: string
  /** How far the journal is durable at this moment. */
  end: () => End
  onTrouble: (message: string, facts: Record<string, unknown>) => void
}>

export type UsageThread = UsageBook &
  Readonly<{
    /** A segment was sealed, or the gateway has started: what is not yet summed up is. */
    catchUp: () => void
    stop: () => Promise<void>
  }>

type Asking =
  | Omit<Extract<Question, { kind: 'sum' }>, 'end'>
  | Omit<Extract<Question, { kind: 'request' }>, 'end'>
  | { kind: 'make' }
type Waiting = Readonly<{ resolve: (result: unknown) => void; reject: (error: Error) => void }>

const WAITING_MAX = 100
const IDLE_MS = 5 * 60_000

/** The past, read in a thread of its own: started by the first question, and ended when none came for a while. */
export function usageThread({ dir, end, onTrouble }: ThreadOptions): UsageThread {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let idle: NodeJS.Timeout | undefined
  let lastId = 0

  function ask(asking: Asking): Promise<unknown> {
    if (waiting.size >= WAITING_MAX) return Promise.reject(tooManyQuestions())
    worker ??= start()
    clearTimeout(idle)
    idle = setTimeout(() => void stop(), IDLE_MS).unref()
    const id = ++lastId
    const asked = worker
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      asked.postMessage({ id, question: { ...asking, end: end() } })
    })
  }

  function start(): Worker {
    const started = startWorker(dir)
    started.on('message', answered)
    started.on('error', (error) => {
      onTrouble('the thread that reads usage died; the next question starts another', { error })
    })
    started.on('exit', () => {
      if (worker === started) worker = undefined
      for (const { reject } of waiting.values()) reject(new Error('the usage thread ended'))
      waiting.clear()
    })
    started.unref()
    return started
  }

  function answered(answer: Answered): void {
    const asker = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.kind === 'answer') asker?.resolve(answer.result)
    else if (answer.kind === 'refused')
      asker?.reject(new Failure(answer.code, answer.message, answer.details))
    else if (asker !== undefined) asker.reject(new Error(answer.message))
    else onTrouble('a sealed segment cannot be summed up', { error: answer.message })
  }

  async function stop(): Promise<void> {
    clearTimeout(idle)
    await worker?.terminate()
  }

  return {
    sum: (query) => ask({ kind: 'sum', query }) as Promise<UsagePage>,
    request: (request) => ask({ kind: 'request', request }) as Promise<RequestRecords | undefined>,
    catchUp() {
      ask({ kind: 'make' }).catch((error: unknown) => {
        onTrouble('sealed segments are not summed up yet', { error })
      })
    },
    stop,
  }
}

/** Out of memory ends the thread, not the gateway. */
const HEAP_MB_MAX = 1024

function startWorker(dir: string): Worker {
  const isSource = import.meta.url.endsWith('.ts')
  const file = new URL(isSource ? './usage-worker.ts' : './usage-worker.js', import.meta.url)
  const execArgv = isSource ? ['--import', typeScriptLoader()] : []
  const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB_MAX }
  return new Worker(file, { workerData: { dir }, execArgv, env: {}, resourceLimits })
}

/** Under tests this runs from its source, and `--import tsx` does nothing in a thread: its register function does. */
const typeScriptLoader = (): string =>
  `data:text/javascript,import{register}from'${import.meta.resolve('tsx/esm/api')}';register()`
