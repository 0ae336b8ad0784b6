import { simulate, type Broken, type Run } from './simulate.ts'

/**
 * The shortest run from the beginning that this search finds to fail as well: halving, and then step by step as long
 * as that helps. Each run ends with all answers and a restart, so most faults show a few steps after they happened.
 */
export async function shortestFailing(
  run: Run,
  broken: Broken,
): Promise<{ run: Run; broken: Broken }> {
  let best = { run: { ...run, steps: Math.min(run.steps, broken.step + 1) }, broken }
  const fails = async (steps: number): Promise<boolean> => {
    const tried = { ...run, steps }
    const found = await simulate(tried)
    if (found !== undefined) best = { run: tried, broken: found }
    return found !== undefined
  }
  let sound = 0
  while (best.run.steps - sound > 1) {
    const middle = Math.floor((best.run.steps + sound) / 2)
    if (!(await fails(middle))) sound = middle
  }
  for (let misses = 0, steps = best.run.steps - 1; steps > 0 && misses < MISSES_MAX; steps--)
    misses = (await fails(steps)) ? 0 : misses + 1
  return best
}

const MISSES_MAX = 20
