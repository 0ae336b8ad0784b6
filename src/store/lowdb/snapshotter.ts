import { Worker } from 'node:worker_threads'

/**
 * Makes a snapshot each time a segment is sealed: from the snapshot before it and the sealed segments, in a thread of
 * its own, so that replay is proven every day and no request waits for it.
 */
export class Snapshotter {
  readonly #dir: string
  readonly #onTrouble: OnTrouble
  readonly #makeOne: MakeSnapshot
  #wanted: number | undefined
  #running: Promise<void> | undefined

  constructor(dir: string, onTrouble: OnTrouble, makeOne: MakeSnapshot = inThread) {
    this.#dir = dir
    this.#onTrouble = onTrouble
    this.#makeOne = makeOne
  }

  make(upTo: number): void {
    this.#wanted = upTo
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
    })
  }

  async stop(): Promise<void> {
    await this.#running
  }

  async #work(): Promise<void> {
    while (this.#wanted !== undefined) {
      const upTo = this.#wanted
      this.#wanted = undefined
      try {
        await this.#makeOne(this.#dir, upTo)
      } catch (error) {
        this.#onTrouble(
          'no snapshot could be made; the journal is whole and is replayed from the one before',
          {
            error,
          },
        )
      }
    }
  }
}

type OnTrouble = (message: string, facts: Record<string, unknown>) => void

export type MakeSnapshot = (dir: string, upTo: number) => Promise<void>

function inThread(dir: string, upTo: number): Promise<void> {
  const isSource = import.meta.url.endsWith('.ts')
  const file = new URL(isSource ? './snapshot-worker.ts' : './snapshot-worker.js', import.meta.url)
  const execArgv = isSource ? ['--import', typeScriptLoader()] : []
  const worker = new Worker(file, { workerData: { dir, upTo }, execArgv, env: {} })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`the snapshot thread ended with ${code}`))
    })
  })
}

/** Under tests this runs from its source, and `--import tsx` does nothing in a thread: its register function does. */
const typeScriptLoader = (): string =>
  `data:text/javascript,import{register}from'${import.meta.resolve('tsx/esm/api')}';register()`
