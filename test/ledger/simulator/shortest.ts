import fs from 'node:fs'
import { simulate, type Ran, type Run } from './simulate.ts'

export type Failing = Readonly<{
  run: Run
  trace: readonly string[]
  broken: NonNullable<Ran['broken']>
}>

/**
 * The shortest run from the beginning that this search finds to fail as well: halving, and then step by step as long
 * as that helps. Each run ends with all answers and a restart, so most faults show a few steps after they happened.
 */
export async function shortestFailing(first: Failing): Promise<Failing> {
  let best: Failing = first
  const fails = async (steps: number): Promise<boolean> => {
    const run = { ...first.run, steps }
    const { trace, broken } = await simulate(run)
    if (broken === undefined) return false
    fs.rmSync(best.broken.dir, { recursive: true, force: true })
    best = { run, trace, broken }
    return true
  }
  let sound = 0
  await fails(Math.min(first.run.steps, first.broken.step + 1))
  while (best.run.steps - sound > 1) {
    const middle = Math.floor((best.run.steps + sound) / 2)
    if (!(await fails(middle))) sound = middle
  }
  for (let misses = 0, steps = best.run.steps - 1; steps > 0 && misses < MISSES_MAX; steps--)
    misses = (await fails(steps)) ? 0 : misses + 1
  return best
}

const MISSES_MAX = 20
