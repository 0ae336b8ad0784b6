import { parseArgs } from 'node:util'
import type { Config, LoadedConfig } from '../config/config.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { checkProviders, type ProviderCheck } from '../wiring/check-providers.ts'
import { tellFailure } from './tell-failure.ts'

const HELP = `node scripts/provider-check.js [options]

Asks every provider that is on for its list of models, with each of its keys, and says which keys work, what is wrong
with the others, and which configured models a provider does not list. That costs nothing; so a provider may list its
models to a key and still refuse to answer for want of money. Keys are told by their number and never shown.

Ends with 0 when every key works, with 1 when one does not, and with 78 when the configuration is invalid.

  --provider ID       this provider only
  --timeout SECONDS   how long each key may take (10)
  --json              [{"provider", "key", "outcome": "ok", "models", "unlisted", "ms"}], or with "outcome": "failed"
                      {"reason", "status", "message", "fix", "detail"}, or "built_in"
  --help              this text
`

const EXIT_CONFIG = 78
const SECONDS_MAX = 600
/** Models named in a warning; --json has all of them. */
const NAMES_MAX = 8
const OPTIONS = {
  provider: { type: 'string' },
  timeout: { type: 'string', default: '10' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

type Loaded = Extract<LoadedConfig, { ok: true }>

try {
  await main()
} catch (error) {
  tellFailure(error)
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const timeoutMs = millisecondsOf(values.timeout)
  const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
  if (!loaded.ok) {
    process.stderr.write(`${loaded.problems.map(formatProblem).join('\n')}\n`)
    process.exitCode = EXIT_CONFIG
    return
  }
  const config = only(values.provider, loaded)
  // The SDK would send these to every provider; the gateway sends them to none.
  delete process.env['OPENAI_CUSTOM_HEADERS']
  const checks = await checkProviders({ config, secrets: loaded.secrets, timeoutMs })
  process.stdout.write(values.json ? `${JSON.stringify(checks, null, 2)}\n` : page(checks))
  process.exitCode = checks.some(({ outcome }) => outcome === 'failed') ? 1 : 0
}

function millisecondsOf(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN
  if (seconds > 0 && seconds <= SECONDS_MAX) return Math.ceil(seconds * 1_000)
  throw new Error(`--timeout is not a number of seconds above 0 and up to ${SECONDS_MAX}.`)
}

function only(id: string | undefined, { config, notices }: Loaded): Config {
  if (id === undefined) return config
  const providers = config.providers.filter((one) => one.id === id)
  if (providers.length > 0) return { ...config, providers }
  const off = notices.find(({ kind, subject }) => kind === 'provider_off' && subject === id)
  if (off !== undefined) throw new Error(`The provider ${id} ${off.message}.`)
  const known = config.providers.map((one) => one.id).join(', ')
  throw new Error(`No provider ${id} is on. These are: ${known}.`)
}

function page(checks: readonly ProviderCheck[]): string {
  const width = Math.max(...checks.map(({ provider }) => provider.length))
  const lines = checks.flatMap((check) => {
    const key = check.key === null ? '-' : `key ${check.key}`
    const [first = '', ...rest] = verdict(check)
    const head = `${check.provider.padEnd(width)}  ${key.padEnd(6)}  `
    return [`${head}${first}`, ...rest.map((line) => `${' '.repeat(head.length)}${line}`)]
  })
  return `${lines.join('\n')}\n\n${summary(checks)}\n`
}

function verdict(check: ProviderCheck): readonly string[] {
  switch (check.outcome) {
    case 'built_in':
      return [
        'ok      built in: it makes up its answers, and nothing has to be reached',
        '        for real ones set a key such as OPENAI_API_KEY',
      ]
    case 'ok': {
      const first = `ok      ${check.models} models, ${check.ms} ms`
      if (check.unlisted.length === 0) return [first]
      const names = shortList(check.unlisted)
      return [first, `        warning: does not list ${names} (some lists are not complete)`]
    }
    case 'failed': {
      const { status, message, detail, fix } = check
      if (status === null) return [`FAILED  ${message} (${detail})`, `        fix: ${fix}`]
      const words = detail === '' ? [] : [`        it says: ${detail}`]
      return [`FAILED  ${message} (${status})`, ...words, `        fix: ${fix}`]
    }
  }
}

function shortList(names: readonly string[]): string {
  const hidden = names.length - NAMES_MAX
  const shown = names.slice(0, NAMES_MAX).join(', ')
  return hidden > 0 ? `${shown} and ${hidden} more` : shown
}

function summary(checks: readonly ProviderCheck[]): string {
  const failed = checks.filter(({ outcome }) => outcome === 'failed').length
  const incomplete = checks.filter((one) => one.outcome === 'ok' && one.unlisted.length > 0).length
  const warnings = incomplete === 0 ? '' : ` (${incomplete} with a warning)`
  return `${checks.length - failed} ok${warnings}, ${failed} failed.`
}
