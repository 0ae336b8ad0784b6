// Runs the benchmark: the chosen scenarios on the chosen gateways, then a table, and a line in results.jsonl.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { profileScenario } from './report/profile.ts'
import { printScenario } from './report/print.ts'
import { appendRecord, toRecord } from './report/record.ts'
import { toResult, type ScenarioResult } from './report/result.ts'
import { makeBed } from './run/bench-bed.ts'
import { help, readOptions, UsageError, type Options } from './run/options.ts'
import { runRounds } from './run/rounds.ts'
import { scenarios } from './run/scenario.ts'
import type { Bed } from './subjects/subject.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const say = (line: string) => process.stderr.write(`${line}\n`)

// Leaving ends the processes and removes the scratch folder, whatever the reason: both hang on `exit`.
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)))
} catch (error) {
  say(error instanceof UsageError ? error.message : String((error as Error).stack))
  process.exitCode = 1
}

async function main(options: Options): Promise<number> {
  if (options.isHelp) {
    process.stdout.write(help)
    return 0
  }
  const { bed, upstream } = await makeBed(root, say)
  try {
    return options.isProfile ? await profile(options, bed) : await compare(options, bed)
  } finally {
    await upstream.stop()
  }
}

/** 1 when an answer was wrong: such a run proves nothing. A missed target is a result, not a failure. */
async function compare(options: Options, bed: Bed): Promise<number> {
  const results: ScenarioResult[] = []
  for (const name of options.scenarios) {
    const scenario = scenarios[name]
    say(`${name}: ${scenario.title}`)
    const series = await runRounds(scenario, { ...options, pace: options, bed, say })
    results.push(toResult(name, scenario, series))
  }
  const record = toRecord(results, { ...options, gatewayCore: bed.cores.gateway })
  appendRecord(join(root, 'bench', 'results.jsonl'), record)
  if (options.isJson) process.stdout.write(`${JSON.stringify(record)}\n`)
  else process.stdout.write(results.map(printScenario).join(''))
  return results.some(({ subjects }) => subjects.some(({ errors }) => errors > 0)) ? 1 : 0
}

async function profile(options: Options, bed: Bed): Promise<number> {
  for (const name of options.scenarios) {
    for (const subject of options.subjects) {
      say(`${name}: profiling ${subject}`)
      process.stdout.write(await profileScenario({ name, subject, pace: options, bed }))
    }
  }
  return 0
}
