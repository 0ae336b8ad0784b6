import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { slicesOf } from './live-accounts.ts'
import type { MakeSnapshot, SnapshotDone } from './snapshotter.ts'

/** Under heavy load a segment fills in seconds, and to start a thread costs as much as a fifth of its work. */
const KEPT_MS = 60_000

/** Where snapshots are made. It is kept for a while, for the next one. */
export class SnapshotThread {
  #worker: Worker | undefined
  #leaving: NodeJS.Timeout | undefined

  readonly make: MakeSnapshot = async ({ accounts, ...work }) => {
    clearTimeout(this.#leaving)
    const worker = (this.#worker ??= this.#start())
    const slices = slicesOf(accounts)
    worker.ref()
    worker.postMessage(work)
    for (;;) {
      const answer = await nextMessage(worker)
      if (answer === 'next') worker.postMessage(slices.next().value ?? [])
      else {
        worker.unref()
        this.#leaving = setTimeout(() => void this.stop(), KEPT_MS).unref()
        return answer
      }
    }
  }

  /** Not while it works. */
  async stop(): Promise<void> {
    clearTimeout(this.#leaving)
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const isSource = import.meta.url.endsWith('.ts')
    const name = isSource ? './snapshot-worker.ts' : './snapshot-worker.js'
    const execArgv = isSource ? ['--import', typeScriptLoader()] : []
    const worker = new Worker(new URL(name, import.meta.url), { execArgv, env: {} })
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined
    }
    worker.once('error', forget).once('exit', forget)
    return worker
  }
}

/** Rejects with what the thread has died of. */
async function nextMessage(worker: Worker): Promise<'next' | SnapshotDone> {
  const over = new AbortController()
  const { signal } = over
  const died = once(worker, 'exit', { signal }).then(([code]) => {
    throw new Error(`the snapshot thread ended with ${code}`)
  })
  try {
    const told = once(worker, 'message', { signal }) as Promise<['next' | SnapshotDone]>
    const [message] = await Promise.race([told, died])
    return message
  } finally {
    died.catch(() => undefined)
    over.abort()
  }
}

/** Under tests this runs from its source, and `--import tsx` does nothing in a thread: its register function does. */
const typeScriptLoader = (): string =>
  `data:text/javascript,import{register}from'${import.meta.resolve('tsx/esm/api')}';register()`
