import type { CountingWorker } from './counting-worker.ts'

export type ThreadSettings = Readonly<{
  startWorker: () => CountingWorker
  idleMsMax: number
  /** So long none is started after one that died by itself. */
  pauseMs: number
}>

type Counts = readonly number[]

export interface Thread {
  /** Undefined: not counted in time, or not at all. */
  count(texts: readonly string[], endMs: number): Promise<Counts | undefined>
  end(): Promise<void>
}

/** A worker when there is something to count: started at need, replaced when it hangs, ended when it is idle. */
export function threadOnDemand({ startWorker, idleMsMax, pauseMs }: ThreadSettings): Thread {
  let worker: CountingWorker | undefined
  let idle: NodeJS.Timeout | undefined
  let startAtMs = 0

  async function end(): Promise<void> {
    clearTimeout(idle)
    const ending = worker
    worker = undefined
    await ending?.end()
  }

  /** Undefined while the last one's death is too fresh. */
  function living(): CountingWorker | undefined {
    if (worker?.isAlive() === false) bury()
    if (performance.now() < startAtMs) return undefined
    try {
      worker ??= startWorker()
    } catch {
      // No room for a thread: the same to the caller as one that died.
      bury()
    }
    return worker
  }

  function bury(): void {
    worker = undefined
    startAtMs = performance.now() + pauseMs
  }

  async function count(texts: readonly string[], endMs: number): Promise<Counts | undefined> {
    clearTimeout(idle)
    const leftMs = endMs - performance.now()
    const asked = leftMs > 0 ? living() : undefined
    if (asked === undefined) return undefined
    const counts = await inTime(asked.count(texts), leftMs)
    if (counts === 'late') await end()
    if (worker !== undefined) idle = setTimeout(() => void end(), idleMsMax).unref()
    return counts === 'late' ? undefined : counts
  }

  return { count, end }
}

async function inTime<T>(work: Promise<T>, limitMs: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, limitMs, 'late')))
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
