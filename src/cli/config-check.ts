import { parseArgs } from 'node:util'
import type { Config, LoadedConfig, Notice, Secrets } from '../config/config.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import type { Hedge } from '../domain/hedge.ts'
import type { Model } from '../domain/model.ts'
import { formatCredits, micro } from '../domain/money.ts'
import type { Price } from '../domain/price.ts'
import type { Strategy } from '../domain/strategy.ts'
import type { Bucket } from '../domain/usage.ts'

const HELP = `npm run config:check (node scripts/config-check.js)

Reads the environment, .env and config/gateway.yaml as the server would, and prints what is on, what is off and why, and
what every model costs. Ends with 0 when the server would start, and with 1 and every problem when it would not.

  --config FILE   another file than config/gateway.yaml (as GATEWAY_CONFIG)
  --json          the same as JSON
  --help          this text
`

type Loaded = Extract<LoadedConfig, { ok: true }>

try {
  main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function main(): void {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    process.stdout.write(HELP)
    return
  }
  const env = readEnvironment(process.env, diskFiles)
  const chosen = values.config === undefined ? env : { ...env, GATEWAY_CONFIG: values.config }
  const loaded = loadConfig({ env: chosen, files: diskFiles })
  const text =
    values.json === true ? `${JSON.stringify(summary(loaded), plain, 2)}\n` : page(loaded)
  process.stdout.write(text)
  process.exitCode = loaded.ok ? 0 : 1
}

function summary(loaded: LoadedConfig): unknown {
  if (!loaded.ok) return loaded
  const { config, notices } = loaded
  const { models, ...rest } = config
  return {
    ok: true,
    ...rest,
    models: models.map((model) => modelRow(model, config)),
    notices,
  }
}

/** Amounts in credits, and what JSON has no word for in its words. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return formatCredits(micro(value))
  if (value instanceof Map) return Object.fromEntries(value as ReadonlyMap<string, unknown>)
  return value instanceof Set ? [...(value as ReadonlySet<unknown>)] : value
}

type Rates = Readonly<{ input: number; cachedInput: number; output: number }>

type DeploymentRow = Readonly<{
  id: string
  priority: number
  weight: number
  usdPerMillion: Rates
  priceVersion: string
}>

type ModelRow = Readonly<{
  id: string
  usdPerMillion: Rates
  creditsPerThousand: Rates
  priceVersion: string
  strategy: Strategy
  affinity: boolean
  continuesCutStreams: boolean
  hedge: Hedge | null
  deployments: readonly DeploymentRow[]
  fallbacks: readonly string[]
}>

function modelRow(model: Model, { accounting }: Config): ModelRow {
  const { id, price, strategy, affinity, deployments, fallbacks } = model
  const { continuesCutStreams = false, hedge = null } = model
  const usdPerCredit = 1 / (Number(accounting.creditsPerUsd) * (1 + Number(accounting.markup)))
  const priced = (own: Price): Readonly<{ usdPerMillion: Rates; priceVersion: string }> => ({
    usdPerMillion: ratesTimes(usdPerCredit, own),
    priceVersion: own.version,
  })
  return {
    id,
    ...priced(price),
    creditsPerThousand: ratesTimes(1 / 1000, price),
    strategy,
    affinity,
    ...{ continuesCutStreams, hedge },
    deployments: deployments.map((one) => ({
      ...{ id: one.id, priority: one.priority, weight: one.weight },
      ...priced(one.price),
    })),
    fallbacks,
  }
}

/** A micro-credit a token is a credit a million tokens. Floats do for showing; charges are counted in whole numbers. */
function ratesTimes(factor: number, { rates, scale }: Price): Rates {
  const rate = (bucket: Bucket): number =>
    Number(((Number(rates[bucket]) / Number(scale)) * factor).toFixed(9))
  return { input: rate('input'), cachedInput: rate('cachedInput'), output: rate('output') }
}

function page(loaded: LoadedConfig): string {
  if (!loaded.ok) {
    const lines = loaded.problems.map(formatProblem)
    const count = lines.length === 1 ? '1 problem' : `${lines.length} problems`
    return `${lines.join('\n')}\n\n${count}: the server would not start.\n`
  }
  const sections = [
    settings(loaded),
    providersOn(loaded),
    ...offAndWarnings(loaded),
    models(loaded),
    ...aliasRows(loaded),
  ]
  return `${sections.join('\n\n')}\n\nNo problems.\n`
}

function settings({ config, secrets }: Loaded): string {
  const { creditsPerUsd, markup } = config.accounting
  return table(`Settings (${config.file})`, [
    ['listens on', `${config.host}:${config.port}`],
    ['metrics', metricsAt(config)],
    ['traces', config.tracing?.endpoint ?? 'off'],
    ['data, logs', `${config.dbDir}, ${config.logDir} (${config.logLevel})`],
    ['accounting', `1 USD = ${creditsPerUsd} credits, markup ${markup}`],
    [
      'tiers',
      [...config.tiers]
        .map(([name, { limits }]) => `${name} ${limits.requestsPerMinute ?? 0}/min`)
        .join(', '),
    ],
    ...secretRows(secrets),
  ])
}

function metricsAt({ metricsPort, metricsHost }: Config): string {
  if (metricsPort === undefined) return 'there, for the staff'
  return `${metricsHost}:${metricsPort}, without a key`
}

function secretRows({ adminFirst, jwtSecretKey }: Secrets): readonly (readonly string[])[] {
  return [
    [
      'ADMIN_FIRST',
      adminFirst === undefined ? 'unset: the first start makes a key and shows it once' : 'set',
    ],
    ['JWT_SECRET_KEY', jwtSecretKey === undefined ? 'unset' : 'set'],
  ]
}

function providersOn({ config }: Loaded): string {
  const rows = config.providers.map(({ id, protocol, baseUrl, keyCount, probe }) => {
    const keys = keyCount === 0 ? 'no key' : `${keyCount} ${keyCount === 1 ? 'key' : 'keys'}`
    const probed = probe === undefined ? '' : ` (probed every ${probe.everyMs} ms)`
    return [id, protocol, keys, `${baseUrl}${probed}`]
  })
  return table(`Providers on (${rows.length})`, rows)
}

function offAndWarnings({ notices }: Loaded): readonly string[] {
  const ofKind = (...kinds: readonly Notice['kind'][]): readonly Notice[] =>
    notices.filter(({ kind }) => kinds.includes(kind))
  const modelsOff = ofKind('model_off').map(({ subject }) => subject)
  return [
    ...listed('Providers off', ofKind('provider_off', 'demo_off')),
    ...(modelsOff.length === 0
      ? []
      : [
          table(`Models off, none of their providers being on (${modelsOff.length})`, [
            [modelsOff.join(', ')],
          ]),
        ]),
    ...listed('Warnings', ofKind('demo_on', 'warning')),
  ]
}

function listed(heading: string, notices: readonly Notice[]): readonly string[] {
  if (notices.length === 0) return []
  const rows = notices.map(({ subject, message }) => [subject, message.replace(/^is off: /, '')])
  return [table(`${heading} (${notices.length})`, rows)]
}

function models({ config }: Loaded): string {
  const head = ['model', 'USD/M in', 'cached', 'out', 'credits/1k in', 'cached', 'out', 'served by']
  const rows = config.models.map((model) => {
    const row = modelRow(model, config)
    const rates = [row.usdPerMillion, row.creditsPerThousand]
    const prices = rates.flatMap(({ input, cachedInput, output }) => [input, cachedInput, output])
    return [row.id, ...prices.map(String), servedBy(row)]
  })
  return table(`Models on (${rows.length})`, [head, ...rows])
}

/** The deployments by priority, with the dollars of those that have a price of their own, and how one is picked. */
function servedBy(row: ModelRow): string {
  const { deployments, priceVersion, strategy, affinity, fallbacks, hedge } = row
  const names = deployments.map(({ id, weight, usdPerMillion, priceVersion: own }) => {
    const { input, output } = usdPerMillion
    const price = own === priceVersion ? '' : ` (USD ${input} in, ${output} out)`
    return `${id}${strategy === 'weighted' ? ` × ${weight}` : ''}${price}`
  })
  const how = [
    ...(strategy === 'priority' ? [] : [strategy]),
    ...(affinity ? ['affinity'] : []),
    ...(row.continuesCutStreams ? ['goes on where a stream breaks off'] : []),
    ...(hedge === null
      ? []
      : [`hedges after ${hedge.after === 'p95' ? 'p95' : `${hedge.after} ms`}`]),
    ...(fallbacks.length === 0 ? [] : [`then ${fallbacks.join(', ')}`]),
  ]
  return `${names.join(', ')}${how.length === 0 ? '' : ` [${how.join('; ')}]`}`
}

function aliasRows({ config: { aliases } }: Loaded): readonly string[] {
  return aliases.size === 0 ? [] : [table(`Aliases (${aliases.size})`, [...aliases])]
}

/** A heading, and rows under it with their columns one below the other. */
function table(heading: string, rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  '),
  )
  return [heading, ...lines.map((line) => `  ${line}`.trimEnd())].join('\n')
}
