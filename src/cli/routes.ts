import { parseArgs } from 'node:util'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { explainedRoute } from '../wiring/explain-route.ts'
import { tellFailure } from './tell-failure.ts'

const HELP = `node scripts/routes.js explain MODEL [options]

Shows which deployments would be asked for a model at this moment, in which order, and why each has its place or is left
out. MODEL is any name that a caller may ask for: of a model, an alias, or one that a wildcard answers to. Where a server
runs, it is asked; else the order is that of the configuration alone.

A picture of one moment: strategies draw lots, take turns and look at what is in flight for each request anew. What
cheapest goes by is shown for 1000 tokens in and 500 out.

  --key KEYID     whether this key may use it, too (needs the running server)
  --config FILE   another file than config/gateway.yaml (as GATEWAY_CONFIG)
  --db DIR        the data folder (DB_DIR, ./db)
  --json          the same as JSON
  --help          this text
`

const OPTIONS = {
  key: { type: 'string' },
  config: { type: 'string' },
  db: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

type Explained = Awaited<ReturnType<typeof explainedRoute>>
type Place = Explained['left_out'][number]

try {
  await main()
} catch (error) {
  tellFailure(error)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    ...{ options: OPTIONS, strict: true, allowPositionals: true },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const [command, model, ...rest] = positionals
  if (command !== 'explain' || model === undefined || rest.length > 0) {
    throw new Error('Say: explain MODEL.')
  }
  const env = readEnvironment(process.env, diskFiles)
  const chosen = {
    ...env,
    ...(values.config !== undefined && { GATEWAY_CONFIG: values.config }),
    ...(values.db !== undefined && { DB_DIR: values.db }),
  }
  const loaded = loadConfig({ env: chosen, files: diskFiles })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const { key } = values
  const route = await explainedRoute(loaded.config, { model, ...(key !== undefined && { key }) })
  process.stdout.write(values.json ? `${JSON.stringify(route)}\n` : page(route))
}

function page(route: Explained): string {
  const { model, answered_by: target, strategy, affinity, key } = route
  const lines = [
    `${model}${target === model ? '' : ` is ${target}`}: ${strategy}${affinity ? ', with affinity' : ''}`,
    ...(route.is_live ? [] : ['No server runs here: as the configuration alone would have it.']),
    ...(key === null
      ? []
      : [`Key ${key.id} of ${key.account} ${key.may_use ? 'may' : 'may not'} use it.`]),
    '',
    ...route.order.map((one) => `  ${one.place}. ${line(one)}`),
    ...(route.left_out.length === 0 ? [] : ['', 'Left out:']),
    ...route.left_out.map((one) => `     ${line(one)}`),
  ]
  return `${lines.join('\n')}\n`
}

function line({ deployment, asked_again_in_ms: waitMs, reason, credits }: Place): string {
  const again = waitMs === null ? '' : `; again in ${Math.ceil(waitMs / 1000)} s`
  return `${deployment}  ${reason}${again}  (${credits} credits)`
}
