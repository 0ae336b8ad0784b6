import { parseArgs } from 'node:util'
import { defaultNames, scenarioNames, type ScenarioName } from './scenario.ts'
import { subjectNames, type SubjectName } from '../subjects/subject.ts'

export type Options = Readonly<{
  scenarios: readonly ScenarioName[]
  subjects: readonly SubjectName[]
  rounds: number
  seconds: number
  isQuick: boolean
  isJson: boolean
  isProfile: boolean
  isHelp: boolean
}>

export class UsageError extends Error {}

export const help = `npm run bench -- [options]

Compares Tollgate with a bare Node pass-through (the ceiling) and with Portkey: CPU time of the gateway process.

  --only NAMES       scenarios: ${scenarioNames.join(',')} (all but flood)
  --subjects NAMES   gateways: bare,tollgate,portkey (all three); bare2 is bare again and shows the noise
  --rounds N         rounds, the subjects taking turns in each (11)
  --seconds N        length of a measured window (1)
  --quick            2 rounds of 1 second and 1000 open streams: a smoke test, not a measurement
  --json             print the result as JSON on standard output, and nothing else there
  --profile          one window under the CPU profiler instead of a comparison; bare and tollgate (tollgate)
  --help             this text

Linux only: CPU time comes from /proc, cores are pinned with taskset. Results are appended to bench/results.jsonl.
`

const flags = {
  only: { type: 'string' },
  subjects: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  profile: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

export function readOptions(args: readonly string[]): Options {
  const { values } = parse(args)
  const { quick: isQuick, profile: isProfile } = values
  const scenariosDefault = isProfile ? 'json,stream,burst' : defaultNames.join(',')
  return {
    scenarios: namesIn(values.only ?? scenariosDefault, scenarioNames),
    subjects: namesIn(
      values.subjects ?? (isProfile ? 'tollgate' : 'bare,tollgate,portkey'),
      subjectNames,
    ),
    rounds: positive('--rounds', values.rounds ?? (isQuick ? '2' : '11')),
    seconds: positive('--seconds', values.seconds ?? '1'),
    isQuick,
    isJson: values.json,
    isProfile,
    isHelp: values.help,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function namesIn<Name extends string>(list: string, known: readonly Name[]): Name[] {
  const asked = list.split(',').map((name) => name.trim())
  const unknown = asked.filter((name) => !known.some((one) => one === name))
  if (unknown.length > 0) {
    throw new UsageError(`unknown: ${unknown.join(', ')}; there are ${known.join(', ')}`)
  }
  return known.filter((name) => asked.includes(name))
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0 && value <= 100) return value
  throw new UsageError(`${flag} takes a number from 1 to 100, not ${text}`)
}
