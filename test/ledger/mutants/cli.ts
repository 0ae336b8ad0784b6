import { parseArgs } from 'node:util'
import { progressOf } from '../progress.ts'
import { wholeNumber } from '../whole-number.ts'
import { MUTANTS, type Mutant } from './list.ts'
import { plant, runTests, scratchCopy, type Scratch } from './scratch.ts'

const HELP = `node scripts/mutants.js [options]

Plants bugs into a copy of the sources, one by one, and sees whether the tests find them. A suite that does not notice
that the disk is never synced proves nothing about the disk.

  --only NAMES   some of them, with commas
  --jobs N       how many at a time (2)
  --list         their names and what each would do to whom
  --json         {"mutants": [{"name", "harm", "caught", "by", "seconds"}], "caught", "of"} on standard output
  --help         this text

Ends with 0 when at least 19 of 20 are caught, else with 1. A bug whose place in the code is gone is an error, too.
`

const OPTIONS = {
  only: { type: 'string' },
  jobs: { type: 'string', default: '2' },
  list: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** 19 of 20. */
const SHARE_MIN = 0.95

type Result = Readonly<{ name: string; harm: string; caught: boolean; by: string; seconds: number }>

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
  const mutants = chosen(values.only)
  if (values.list) {
    for (const { name, harm } of mutants) process.stdout.write(`${name}: ${harm}\n`)
    return
  }
  const results = await hunt(mutants, Math.min(2, wholeNumber('--jobs', values.jobs)))
  const caught = results.filter((one) => one.caught).length
  const score = { caught, of: results.length }
  const page = [...results.map(lineOf), `${caught} of ${results.length} are caught`]
  process.stdout.write(
    values.json ? `${JSON.stringify({ mutants: results, ...score })}\n` : `${page.join('\n')}\n`,
  )
  if (caught < results.length * SHARE_MIN) process.exitCode = 1
}

function chosen(only: string | undefined): readonly Mutant[] {
  if (only === undefined) return MUTANTS
  const names = only.split(',')
  const unknown = names.filter((name) => !MUTANTS.some((one) => one.name === name))
  if (unknown.length > 0) throw new Error(`no mutant is called ${unknown.join(', ')}; see --list.`)
  return MUTANTS.filter(({ name }) => names.includes(name))
}

function lineOf({ name, harm, caught, by, seconds }: Result): string {
  return caught ? `caught    ${name} (${seconds} s) by: ${by}` : `SURVIVES  ${name}: ${harm}`
}

/** Two copies at most: the tests of one mutant keep a core busy. */
async function hunt(mutants: readonly Mutant[], jobs: number): Promise<readonly Result[]> {
  const waiting = [...mutants]
  const results = new Map<string, Result>()
  const progress = progressOf('mutants', mutants.length)
  const worker = async (): Promise<void> => {
    const scratch = scratchCopy()
    try {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        results.set(mutant.name, await tried(scratch, mutant))
        progress(results.size)
      }
    } finally {
      scratch.remove()
    }
  }
  await soundFirst(mutants)
  await Promise.all(Array.from({ length: jobs }, worker))
  return mutants.flatMap(({ name }) => results.get(name) ?? [])
}

/** Tests that are red without any bug would catch everything. */
async function soundFirst(mutants: readonly Mutant[]): Promise<void> {
  const scratch = scratchCopy()
  try {
    const { isRed, by } = await runTests(scratch, [
      ...new Set(mutants.flatMap(({ tests }) => tests)),
    ])
    if (isRed) throw new Error(`the tests fail without any bug: ${by ?? 'see npm test'}`)
    for (const mutant of mutants) plant(scratch, mutant)()
  } finally {
    scratch.remove()
  }
}

async function tried(scratch: Scratch, mutant: Mutant): Promise<Result> {
  const begun = performance.now()
  const takeOut = plant(scratch, mutant)
  try {
    const { isRed, by = 'a file that could not run' } = await runTests(scratch, mutant.tests)
    const seconds = Math.round((performance.now() - begun) / 100) / 10
    return { name: mutant.name, harm: mutant.harm, caught: isRed, by, seconds }
  } finally {
    takeOut()
  }
}
