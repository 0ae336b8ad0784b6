import { shortestFailing } from './shortest.ts'
import { simulate, type Broken, type Run } from './simulate.ts'

export type Many = Readonly<{
  seed: number
  seeds: number
  steps: number
  onSeed?: (done: number) => void
}>

/** Throws at the first seed that fails, with all that is needed to see it again. */
export async function simulateMany({ seed, seeds, steps, onSeed }: Many): Promise<void> {
  for (let done = 0; done < seeds; done++) {
    const run = { seed: seed + done, steps }
    const broken = await simulate(run)
    if (broken !== undefined) throw new Error(story(await shortestFailing(run, broken)))
    onSeed?.(done + 1)
  }
}

const story = ({ run, broken }: { run: Run; broken: Broken }): string =>
  [
    ...broken.trace,
    broken.what,
    `again: node scripts/simulate.js --seed ${run.seed} --steps ${run.steps}`,
  ].join('\n')
