import { parseArgs } from 'node:util'
import { progressOf } from '../ledger/progress.ts'
import { wholeNumber } from '../ledger/whole-number.ts'
import { aborts } from './aborts.ts'
import { fuzz } from './fuzz.ts'
import { idle } from './idle.ts'
import type { Part, Scale } from './part.ts'
import { slow } from './slow.ts'

const HELP = `npm run test:soak -- [options]

Wears the gateway out from the callers' side, and looks whether it is what it was: open sockets, memory, credit held, and
books that the audit finds true. Everything runs on this machine. \`npm test\` does a small share of it.

  aborts  callers who leave, at any moment of their request
  idle    connections that are kept open and not used
  slow    streams that take long, some of whose readers stop reading
  fuzz    requests with something wrong in their bytes, headers, path, JSON or values: none of them may end the process,
          get an error that the documentation does not know, or move credit that it should not

  --aborts N   callers who leave (10000)
  --idle N     connections (10000)
  --slow N     streams (2000)
  --fuzz N     requests (100000)
  --seed S     what is asked and mutated follows from it (1)
  --only PART  one part; several with commas
  --json       {"parts": [{"part", "seconds", …}], "ok"} on standard output
  --help       this text

Linux only: it looks at /proc. Needs some 11000 open files, twice: \`ulimit -n\` says how many there may be. Ends with 0 when
all is as it was, with 1 when something is not.
`

const OPTIONS = {
  aborts: { type: 'string', default: '10000' },
  idle: { type: 'string', default: '10000' },
  slow: { type: 'string', default: '2000' },
  fuzz: { type: 'string', default: '100000' },
  seed: { type: 'string', default: '1' },
  only: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const PARTS: Readonly<Record<keyof Scale, Part>> = { aborts, idle, slow, fuzz }

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
  const scale: Scale = {
    aborts: wholeNumber('--aborts', values.aborts),
    idle: wholeNumber('--idle', values.idle),
    slow: wholeNumber('--slow', values.slow),
    fuzz: wholeNumber('--fuzz', values.fuzz),
  }
  const seed = wholeNumber('--seed', values.seed)
  const results: object[] = []
  for (const part of partsIn(values.only)) {
    const begun = performance.now()
    const found = await PARTS[part]({ scale, seed, onStep: progressOf(part, scale[part]) })
    const seconds = Math.round((performance.now() - begun) / 1000)
    results.push({ part, seconds, ...found })
    if (!values.json) process.stdout.write(`${part}: ${JSON.stringify(found)} in ${seconds} s\n`)
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ parts: results, ok: true })}\n`)
}

function partsIn(only: string | undefined): readonly (keyof Scale)[] {
  const known = Object.keys(PARTS) as (keyof Scale)[]
  const asked = only?.split(',')
  const unknown = asked?.filter((name) => !known.some((one) => one === name)) ?? []
  if (unknown.length > 0)
    throw new Error(`no part is called ${unknown.join(', ')}; there are ${known.join(', ')}.`)
  return known.filter((name) => asked?.includes(name) ?? true)
}
