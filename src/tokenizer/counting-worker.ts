import { Worker, type WorkerOptions } from 'node:worker_threads'

export interface CountingWorker {
  /** One question at a time. Undefined: the worker died of it, or could not count it. */
  count(texts: readonly string[]): Promise<readonly number[] | undefined>
  isAlive(): boolean
  end(): Promise<void>
}

/** Out of memory ends the worker, not the gateway. */
const HEAP_MB_MAX = 512

export function startCountingWorker(url: URL = ownWorkerUrl()): CountingWorker {
  const worker = new Worker(url, optionsFor(url))
  let isAlive = true
  let answer: (counts: readonly number[] | undefined) => void = () => undefined
  worker.unref()
  worker.on('message', (counts: readonly number[] | null) => answer(counts ?? undefined))
  // An exit follows an error. Without this listener the error would end the gateway.
  worker.on('error', () => (isAlive = false))
  worker.on('exit', () => {
    isAlive = false
    answer(undefined)
  })
  return {
    count(texts) {
      // Only while somebody waits may the worker keep the process: a shutdown lets requests settle.
      worker.ref()
      return new Promise((resolve) => {
        answer = (counts) => {
          worker.unref()
          resolve(counts)
        }
        worker.postMessage(texts)
      })
    },
    isAlive: () => isAlive,
    async end() {
      await worker.terminate()
    },
  }
}

const isTypeScript = (url: URL | string): boolean => String(url).endsWith('.ts')

/** Beside this file, compiled or not as this file is. */
function ownWorkerUrl(): URL {
  if (isTypeScript(import.meta.url)) return new URL('./worker.ts', import.meta.url)
  return new URL('./worker.js', import.meta.url)
}

/** A thread sees no secrets, and does not inherit the loader that runs TypeScript under vitest and tsx. */
function optionsFor(url: URL): WorkerOptions {
  const execArgv = isTypeScript(url) ? ['--import', typeScriptLoader()] : []
  return { execArgv, env: {}, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX } }
}

/** `--import tsx` does nothing in a thread; its register function, called there, does. */
const typeScriptLoader = (): string =>
  `data:text/javascript,import{register}from'${import.meta.resolve('tsx/esm/api')}';register()`
