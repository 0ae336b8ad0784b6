import { shortestFailing, type Failing } from './shortest.ts'
import { simulate } from './simulate.ts'

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
    const { trace, broken } = await simulate(run)
    if (broken !== undefined) throw new Error(story(await shortestFailing({ run, trace, broken })))
    onSeed?.(done + 1)
  }
}

const story = ({ run, trace, broken }: Failing): string =>
  [
    ...trace,
    broken.what,
    `the data is in ${broken.dir}`,
    `again: node scripts/simulate.js --seed ${run.seed} --steps ${run.steps}`,
  ].join('\n')
