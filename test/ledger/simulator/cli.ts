import { parseArgs } from 'node:util'
import { progressOf } from '../progress.ts'
import { wholeNumber } from '../whole-number.ts'
import { simulateMany } from './many.ts'

const HELP = `node scripts/simulate.js [options]

Runs the ledger on a disk and a clock that are made up: random operations, answers of the disk in any order, full disks,
i/o errors, kills, losses of power and restarts. After each restart the books must be those of a moment from the last
acknowledged one on, and the audit must find nothing. A seed repeats exactly; one that fails is shortened, and what
happened in it is printed.

  --seed S    the first seed (1)
  --seeds N   how many (1 with --seed, else 2000)
  --steps N   steps of a run (300)
  --json      {"seeds", "steps", "ok"} on standard output
  --help      this text
`

const OPTIONS = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  steps: { type: 'string', default: '300' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

try {
  await main()
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const seed = wholeNumber('--seed', values.seed ?? '1')
  const seeds = wholeNumber('--seeds', values.seeds ?? (values.seed === undefined ? '2000' : '1'))
  const steps = wholeNumber('--steps', values.steps)
  await simulateMany({ seed, seeds, steps, onSeed: progressOf('simulator', seeds) })
  const said = values.json
    ? JSON.stringify({ seeds, steps, ok: true })
    : `${seeds} seeds of ${steps} steps: the books were always true`
  process.stdout.write(`${said}\n`)
}
