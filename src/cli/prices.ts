import { parseArgs } from 'node:util'
import { comparePrices, type KnownPrices, type PriceComparison } from '../config/compare-prices.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { genaiPrices } from '../config/genai-prices.ts'
import { loadGateway } from '../config/load-gateway.ts'
import { formatProblem } from '../config/problem.ts'

const HELP = `node scripts/prices.js

Holds the prices and context sizes of config/gateway.yaml against @pydantic/genai-prices (which is installed for
development) and prints where they differ. Update that package first to see what providers ask today:
npm install --save-dev --save-exact @pydantic/genai-prices@latest

Ends with 0 when nothing differs, with 1 when something does or when the comparison cannot be made.

  --config FILE   another file than config/gateway.yaml (as GATEWAY_CONFIG)
  --json          every comparison as JSON
  --help          this text
`

try {
  await main()
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    process.stdout.write(HELP)
    return
  }
  const env = readEnvironment(process.env, diskFiles)
  const chosen = values.config === undefined ? env : { ...env, GATEWAY_CONFIG: values.config }
  const loaded = loadGateway({ env: chosen, files: diskFiles })
  if (!loaded.ok) {
    fail(loaded.problems.map(formatProblem).join('\n'))
    return
  }
  const known = await readKnownPrices()
  if (known === undefined) return
  const comparisons = comparePrices(loaded.gateway, known)
  process.stdout.write(
    values.json === true ? `${JSON.stringify(comparisons, null, 2)}\n` : page(comparisons),
  )
  if (comparisons.some(({ verdict }) => verdict === 'different')) process.exitCode = 1
}

async function readKnownPrices(): Promise<KnownPrices | undefined> {
  try {
    return genaiPrices(await import('@pydantic/genai-prices'), new Date())
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    fail(`@pydantic/genai-prices is not installed; run npm ci without --omit=dev. (${reason})`)
    return undefined
  }
}

function fail(text: string): void {
  process.stderr.write(`${text}\n`)
  process.exitCode = 1
}

function page(comparisons: readonly PriceComparison[]): string {
  const lines = comparisons.flatMap(({ model, deployment, differences }) =>
    differences.map(
      ({ what, ours, theirs }) =>
        `${model} at ${deployment}: ${what} is ${String(ours ?? 'not said')} here, ${theirs} there`,
    ),
  )
  const count = (verdict: PriceComparison['verdict']): number =>
    comparisons.filter((comparison) => comparison.verdict === verdict).length
  const sum = `${count('same')} the same, ${count('different')} different, ${count('unknown')} not in the other list`
  return [...lines, sum, ''].join('\n')
}
