import { appendFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Options } from '../run/options.ts'
import type { ScenarioResult } from './result.ts'

export type RunRecord = Readonly<{
  date: string
  node: string
  cores: number
  gatewayCore: number
  seconds: number
  isQuick: boolean
  scenarios: readonly ScenarioResult[]
}>

export function toRecord(
  scenarios: readonly ScenarioResult[],
  { seconds, isQuick, gatewayCore }: Pick<Options, 'seconds' | 'isQuick'> & { gatewayCore: number },
): RunRecord {
  return {
    date: new Date().toISOString(),
    node: process.versions.node,
    cores: availableParallelism(),
    gatewayCore,
    seconds,
    isQuick,
    scenarios,
  }
}

/** One line a run: medians and ratios, and nothing that names the machine. */
export function appendRecord(file: string, record: RunRecord): void {
  const { scenarios, ...run } = record
  const line = { ...run, scenarios: Object.fromEntries(scenarios.map(shortened)) }
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}

function shortened({ name, unit, rounds, subjects, verdicts }: ScenarioResult): [string, object] {
  const short = {
    unit,
    rounds,
    medians: Object.fromEntries(subjects.map((one) => [one.name, rounded(one.figure.median)])),
    overBare: Object.fromEntries(
      subjects.flatMap((one) =>
        one.ratio === undefined ? [] : [[one.name, rounded(one.ratio.median)]],
      ),
    ),
    laterUs: Object.fromEntries(subjects.map((one) => [one.name, rounded(one.laterUs)])),
    errors: subjects.reduce((sum, { errors }) => sum + errors, 0),
    targets: verdicts.map(({ target, value, outcome }) => ({
      ...target,
      is: rounded(value.median),
      outcome,
    })),
  }
  return [name, short]
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
