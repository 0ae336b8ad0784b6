import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { parseLegacyFile, type LegacyProblem } from '../domain/legacy-file.ts'
import { formatCredits, parseCredits, type MicroCredits } from '../domain/money.ts'
import { importLegacy, type Imported } from '../wiring/import-legacy.ts'
import { progressLine } from './progress.ts'
import { tellFailure } from './tell-failure.ts'

const HELP = `node scripts/import.js FILE [options]

Takes over the keys of the predecessor from its file, {"tokens":[{"id","user_id","tokens_gpt", …}]}. The file is only
read. Each entry becomes an account (user_id), a key (id: it goes on working, and only its hash is kept) and credit
(tokens_gpt). Several keys of one user_id share one account, and their credit adds up. Works while the server runs, and
then the keys are live at once, and while it does not.

All of the file is checked first. When anything is wrong with it, all that is wrong is listed with its place, and nothing
is imported. Running it again adds nothing to what is there; interrupted, it goes on where it was. Keys that are easier to
guess than 128 random bits are listed, and marked as weak in the books: give their owners new ones.

  --dry-run                 say what would be imported, and import nothing
  --credits-per-token X     credits for each of tokens_gpt, at most six decimal places (1)
  --json                    {"done", "imported", "known", "credits", "weak": [PLACE], "problems": [{"place", "what"}]}
  --help                    this text

Ends with 0 when all is imported (or could be, in a dry run), and with 1 when it was refused.
`

const OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  'credits-per-token': { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const FILE_BYTES_MAX = 256 * 1024 * 1024
const LISTED_MAX = 100
/** What a JSON text may have in it: strings, which stay, and the numbers that JSON does not know, which other writers use. */
const STRING_OR_ODD = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g

const progress = progressLine()
try {
  await main()
} catch (error) {
  progress.clear()
  tellFailure(error)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new Error('Name one file to import.')
  const read = parseLegacyFile(readJson(file), rateOf(values['credits-per-token']))
  const isDryRun = values['dry-run']
  const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const nothing = { imported: 0, known: 0, credits: 0n as MicroCredits, weak: [] }
  const result: Imported =
    read.problems.length > 0
      ? { ...nothing, problems: read.problems }
      : await importLegacy(loaded.config, { keys: read.keys, isDryRun, onProgress: progress.show })
  progress.clear()
  if (result.problems.length > 0) process.exitCode = 1
  tell(result, { file, isDryRun, isJson: values.json })
}

type Telling = Readonly<{ file: string; isDryRun: boolean; isJson: boolean }>

function tell(result: Imported, { file, isDryRun, isJson }: Telling): void {
  const isRefused = result.problems.length > 0
  if (isJson) {
    const view = {
      ...result,
      done: !isRefused && !isDryRun,
      credits: formatCredits(result.credits),
    }
    process.stdout.write(`${JSON.stringify(view)}\n`)
  } else if (isRefused) process.stderr.write(refusal(file, result.problems))
  else process.stdout.write(summary(result, isDryRun))
}

function refusal(file: string, problems: readonly LegacyProblem[]): string {
  const rest = problems.length - LISTED_MAX
  return [
    ...problems.slice(0, LISTED_MAX).map(({ place, what }) => `${place} ${what}`),
    ...(rest > 0 ? [`… and ${rest} more (--json lists all)`] : []),
    `Nothing was imported. Correct ${file} and run this again.`,
    '',
  ].join('\n')
}

function summary({ imported, known, credits, weak }: Imported, isDryRun: boolean): string {
  return [
    `${isDryRun ? 'Would be imported' : 'Imported'}: ${imported} keys. Known already: ${known}.`,
    `The file has ${formatCredits(credits)} credits in all.`,
    ...(weak.length === 0
      ? []
      : [
          `Easy to guess, to be replaced: ${weak.length} keys (${weak.slice(0, LISTED_MAX).join(', ')})`,
        ]),
    '',
  ].join('\n')
}

function rateOf(text: string): MicroCredits {
  const rate = parseCredits(text)
  if (rate === undefined || rate === 0n)
    throw new Error('--credits-per-token needs a number above 0 with at most six decimal places.')
  return rate
}

function readJson(file: string): unknown {
  const { size } = fs.statSync(file)
  if (size > FILE_BYTES_MAX)
    throw new Error(`${file} has ${size} bytes; split it into files of at most ${FILE_BYTES_MAX}.`)
  const text = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  try {
    return JSON.parse(text.replace(STRING_OR_ODD, (one) => (one.startsWith('"') ? one : 'null')))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // The parser's own message quotes the text around the place, and a key may stand there.
    const at = /position ([0-9]+)/.exec(error.message)?.[1]
    throw new Error(`${file} is not JSON${at === undefined ? '' : ` (character ${at})`}.`, {
      cause: error,
    })
  }
}
