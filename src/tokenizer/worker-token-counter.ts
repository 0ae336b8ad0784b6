import type { TokenCounter } from '../ports/token-counter.ts'

export function workerTokenCounter(): TokenCounter {
  throw new Error('not written yet')
}
