import { Worker } from 'node:worker_threads'
import { Failure } from '../../../domain/failure.ts'
import type { RequestRecords } from '../../../domain/receipt.ts'
import type { TrailPage, TrailQuery } from '../../../domain/trail.ts'
import type { UsagePage, UsageQuery } from '../../../domain/usage-query.ts'
import type { AuditTrail } from '../../../ports/trail.ts'
import type { UsageBook } from '../../../ports/usage.ts'
import { tooManyQuestions } from './refusals.ts'
import type { Answered, Asked, Question } from './questions.ts'
import type { End } from './reader.ts'

export type ThreadOptions = Readonly<{
  dir: string
  /** How far the journal is durable at this moment. */
  end: () => End
  onTrouble: (message: string, facts: Record<string, unknown>) => void
  /** Given by those who have the time: a question waits until all of the past is summed up, and they are told how far it is. */
  onSumming?: ((share: number) => void) | undefined
}>

type Waiting = Readonly<{ resolve: (result: unknown) => void; reject: (error: Error) => void }>

const WAITING_MAX = 100
const IDLE_MS = 5 * 60_000

/** The past, read in a thread of its own: started by the first question, and ended when none came for a while. */
export class UsageThread implements UsageBook, AuditTrail {
  readonly #options: ThreadOptions
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0
  #summedUp: Promise<void> | undefined

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  sum(query: UsageQuery): Promise<UsagePage> {
    const question = { kind: 'sum', query, end: this.#options.end() } as const
    return this.#askPatiently(question) as Promise<UsagePage>
  }

  request(id: string): Promise<RequestRecords | undefined> {
    const question = { kind: 'request', request: id, end: this.#options.end() } as const
    return this.#askPatiently(question) as Promise<RequestRecords | undefined>
  }

  trail(query: TrailQuery): Promise<TrailPage> {
    return this.#ask({ kind: 'trail', query, end: this.#options.end() }) as Promise<TrailPage>
  }

  /** The gateway has started: sealed segments that have no sums beside them are added up. */
  catchUp(): void {
    const question = { kind: 'make', end: this.#options.end() } as const
    this.#living().postMessage({ id: 0, question } satisfies Asked)
  }

  async stop(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#forget()
    await worker?.terminate()
  }

  /** Puts the question, where there is time for that after all of the past was summed up. */
  async #askPatiently(question: Question): Promise<unknown> {
    const { onSumming } = this.#options
    if (onSumming === undefined) return this.#ask(question)
    await (this.#summedUp ??= this.#makeAll(onSumming))
    return this.#ask(question)
  }

  async #makeAll(onSumming: (share: number) => void): Promise<void> {
    const question = { kind: 'makeNext', end: this.#options.end() } as const
    let all: number | undefined
    for (let left = 1; left > 0;) {
      left = (await this.#ask(question)) as number
      all ??= left + 1
      onSumming((all - left) / all)
    }
  }

  #forget(): void {
    this.#worker = undefined
    for (const { reject } of this.#waiting.values()) reject(new Error('the usage thread ended'))
    this.#waiting.clear()
  }

  #ask(question: Question): Promise<unknown> {
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(tooManyQuestions())
    const worker = this.#living()
    worker.ref() // a command has nothing else to live for while it waits
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      worker.postMessage({ id, question } satisfies Asked)
    })
  }

  #living(): Worker {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => void this.stop(), IDLE_MS).unref()
    return (this.#worker ??= this.#start())
  }

  #start(): Worker {
    const worker = startWorker(this.#options.dir)
    worker.on('message', (answered: Answered) => {
      this.#answer(answered)
    })
    worker.on('error', (error) => {
      this.#options.onTrouble(
        'the thread that reads usage died; the next question starts another',
        {
          error,
        },
      )
    })
    worker.on('exit', () => {
      if (this.#worker === worker) this.#forget()
    })
    worker.unref()
    return worker
  }

  #answer(answer: Answered): void {
    const asker = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#worker?.unref()
    if (answer.kind === 'answer') asker?.resolve(answer.result)
    else if (answer.kind === 'refused')
      asker?.reject(new Failure(answer.code, answer.message, answer.details))
    else if (asker !== undefined) asker.reject(new Error(answer.message))
    else this.#options.onTrouble('a sealed segment cannot be summed up', { error: answer.message })
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
