import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../support/gateway-process.ts'
import { crowdOfCommands } from './crowd-of-commands.ts'
import { killGateway } from './kill-gateway.ts'
import { killOperators } from './kill-operators.ts'
import { killStore } from './kill-store.ts'
import { progressOf } from './progress.ts'
import { simulateMany } from './simulator/many.ts'
import { wholeNumber } from './whole-number.ts'

const HELP = `npm run test:crash -- [options]

The whole proof that a crash, a cut or a broken disk costs nobody a micro-credit. \`npm test\` does a quick share of it.

  gateway    kill -9 of the gateway under 32 callers, again and again; what each of them was told is held against the
             books, and the books against what the provider counted
  operators  the same while operators move credit, over HTTP and by commands: what nobody heard the end of is made again
             under its idempotency key, and is in the books once; a fiftieth of the rounds
  commands   a hundred commands beside a gateway at work: each is done, and each key that was issued is live
  store      the gateway's round of the store alone, on small segments, which is three times as fast
  simulator  the ledger on a disk and a clock that are made up; see \`node scripts/simulate.js --help\`
  damage     the journal cut at every byte, one bit flipped in every byte, and their like; and every single call to the
             file system that fails, of which \`npm test\` tries one in so many

  --rounds N   kills of each kind (1000)
  --seeds N    runs of the simulator (5000)
  --seed S     where to begin (1); each round has the seed behind the one before
  --only PART  one part; several with commas
  --json       {"parts": [{"part", "seconds", …}], "ok"} on standard output
  --help       this text

Ends with 0 when nothing was lost, with 1 when something was: it keeps the folder and says how to see it again.
`

const OPTIONS = {
  rounds: { type: 'string', default: '1000' },
  seeds: { type: 'string', default: '5000' },
  seed: { type: 'string', default: '1' },
  only: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const CALLS = 100

type Plan = Readonly<{ rounds: number; seeds: number; seed: number }>
type Findings = Readonly<Record<string, number>>

const PARTS: Readonly<Record<string, (plan: Plan) => Promise<Findings> | Findings>> = {
  gateway: (plan) => killGateway({ ...plan, onRound: progressOf('gateway', plan.rounds) }),
  operators: (plan) => {
    const rounds = Math.ceil(plan.rounds / 50)
    return killOperators({ ...plan, rounds, onRound: progressOf('operators', rounds) })
  },
  commands: () => crowdOfCommands({ calls: CALLS, onCall: progressOf('commands', CALLS) }),
  store: (plan) => killStore({ ...plan, onRound: progressOf('store', plan.rounds) }),
  simulator: runSimulator,
  damage: runDamage,
}

try {
  await main()
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1) // what still runs would keep it alive
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const plan = {
    rounds: wholeNumber('--rounds', values.rounds),
    seeds: wholeNumber('--seeds', values.seeds),
    seed: wholeNumber('--seed', values.seed),
  }
  const results: object[] = []
  for (const part of partsIn(values.only)) {
    const begun = performance.now()
    const found = await PARTS[part]?.(plan)
    const seconds = Math.round((performance.now() - begun) / 1000)
    results.push({ part, seconds, ...found })
    if (!values.json) process.stdout.write(`${part}: ${JSON.stringify(found)} in ${seconds} s\n`)
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ parts: results, ok: true })}\n`)
}

function partsIn(only: string | undefined): readonly string[] {
  const known = Object.keys(PARTS)
  const asked = only?.split(',') ?? known
  const unknown = asked.filter((name) => !known.includes(name))
  if (unknown.length === 0) return asked
  throw new Error(`no part is called ${unknown.join(', ')}; there are ${known.join(', ')}.`)
}

async function runSimulator({ seeds, seed }: Plan): Promise<Findings> {
  await simulateMany({ seed, seeds, steps: 300, onSeed: progressOf('simulator', seeds) })
  return { seeds }
}

/** Tests that vitest runs do more when they are asked for the whole. */
function runDamage(): Findings {
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', 'src/store/lowdb', 'test/ledger/every-call'],
    {
      ...{ cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, PROOF: 'whole' } },
    },
  )
  if (status !== 0) throw new Error('damage: failed; the lines above say where')
  return { failed: 0 }
}
