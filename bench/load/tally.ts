import type { LoadReport } from './plan.ts'

const errorSamplesMax = 3
const pollMs = 20

/** What the connections of a run add up to. */
export type Tally = {
  /** Connections ask again after an answer for as long as this holds. */
  isAsking: boolean
  open: number
  chunks: number
  latenciesMs: number[]
  /** From the first request on, while the others are counted within the window. */
  inAll: { answers: number; chunks: number }
  errors: number
  errorSamples: Set<string>
}

export function newTally(): Tally {
  return {
    isAsking: true,
    open: 0,
    chunks: 0,
    latenciesMs: [],
    inAll: { answers: 0, chunks: 0 },
    errors: 0,
    errorSamples: new Set(),
  }
}

export function countError(tally: Tally, message: string): void {
  tally.errors++
  if (tally.errorSamples.size < errorSamplesMax) tally.errorSamples.add(message)
}

export function errorsOf(tally: Tally): Pick<LoadReport, 'errors' | 'errorSamples'> {
  return { errors: tally.errors, errorSamples: [...tally.errorSamples] }
}

/** Resolves when `isReached` or when the time is over, whichever is first. */
export async function until(isReached: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!isReached() && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
