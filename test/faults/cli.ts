import { parseArgs } from 'node:util'
import { progressOf } from '../ledger/progress.ts'
import { wholeNumber } from '../ledger/whole-number.ts'
import { runPairs } from './seeded-pairs.ts'
import { runReaders } from './slow-readers.ts'
import { runStorms } from './storms.ts'

const HELP = `npm run test:faults -- [options]

Faults that \`npm test\` has only a few of; docs/FAULTS.md lists what is tried there.

  pairs      a fault of a provider, and one of a caller or of the process behind it: callers who leave, a reload, a kill, a
             stop. Three ask at the same time. After each all that must hold is checked, as test/support/invariants.ts has it
  storms     a provider that flaps, one that limits, and an outage of all but one, while callers go on: what was lost, how
             many calls it took, and how long callers of another provider waited meanwhile

  readers    who ask for answers without end and read nothing, all at the same time, until they are taken for gone: what
             each of them costs meanwhile

  --pairs N    how many (100)
  --seed S     where to begin (1); each pair has the seed behind the one before
  --seconds N  of each storm (10)
  --readers N  how many (500)
  --only PART  one part
  --json       {"parts": [{"part", "seconds", …}], "ok"} on standard output
  --help       this text

Ends with 0 when all was as it should be, with 1 when something was not: it says what, and how to see it again.
`

const OPTIONS = {
  pairs: { type: 'string', default: '100' },
  seed: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '10' },
  readers: { type: 'string', default: '500' },
  only: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

type Plan = Readonly<{ pairs: number; seed: number; seconds: number; readers: number }>

const PARTS: Readonly<Record<string, (plan: Plan) => Promise<object>>> = {
  pairs: async ({ pairs, seed }) => {
    const progress = progressOf('pairs', pairs)
    await runPairs({ pairs, seed, onPair: progress })
    return { pairs, seed }
  },
  storms: ({ seconds }) =>
    runStorms({ seconds, onStorm: (name) => process.stderr.write(`storms: ${name}\n`) }),
  readers: ({ readers }) => runReaders({ readers, onStep: progressOf('readers', 2 * readers) }),
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${reasonsOf(error).join('\n  because: ')}\n`)
  process.exit(1) // what still runs would keep it alive
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const plan = {
    pairs: wholeNumber('--pairs', values.pairs),
    seed: wholeNumber('--seed', values.seed),
    seconds: wholeNumber('--seconds', values.seconds),
    readers: wholeNumber('--readers', values.readers),
  }
  const { only } = values
  if (only !== undefined && !(only in PARTS)) {
    throw new Error(`no part is called ${only}; there are ${Object.keys(PARTS).join(', ')}.`)
  }
  const results: object[] = []
  for (const [part, run] of Object.entries(PARTS)) {
    if (only !== undefined && only !== part) continue
    const begun = performance.now()
    const found = await run(plan)
    const seconds = Math.round((performance.now() - begun) / 1000)
    results.push({ part, seconds, ...found })
    if (!values.json) process.stdout.write(`${part}: ${JSON.stringify(found)} in ${seconds} s\n`)
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ parts: results, ok: true })}\n`)
}

function reasonsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)]
  return [error.message, ...(error.cause === undefined ? [] : reasonsOf(error.cause))]
}
