import readline from 'node:readline/promises'
import { parseArgs, type ParseArgsConfig } from 'node:util'
import type { Config } from '../config/config.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { askRunning, runCommand } from '../wiring/run-command.ts'
import { dbDir } from './db-dir.ts'
import { progressLine } from './progress.ts'

/** What `tollgate.js` offers under one word. An action whose name is empty is the only one, and needs no word. */
export type Resource = Readonly<{ does: string; actions: Readonly<Record<string, Action>> }>

export type Action = Readonly<{
  /** The command line without its beginning: `credits grant ACCOUNT AMOUNT [options]`. */
  usage: string
  does: string
  options: Readonly<Record<string, Option>>
  /** The names of the words before the options, in their order; those from `needed` on may be left out. */
  words: readonly string[]
  needed: number
  /** What is asked before it is done; left out where it only looks, or can be taken back. */
  question?: (given: Given) => string
  run: (given: Given, ask: Ask) => Promise<Result>
}>

export type Option = Readonly<{ value: string; does: string }>
export type Given = Readonly<Record<string, string | undefined>>
/** Asks the running server, or the data folder. */
export type Ask = (command: Parameters<typeof runCommand>[1], input: unknown) => Promise<unknown>
export type Result = Readonly<{
  json: unknown
  text: string
  /** Called once all of it is out. */
  printed?: () => void
}>

const EVERYWHERE = { json: { type: 'boolean' }, yes: { type: 'boolean' } } as const

export async function runAction(action: Action, args: readonly string[]): Promise<void> {
  const named = Object.keys(action.options).map((name) => [name, { type: 'string' }] as const)
  const options: ParseArgsConfig['options'] = { ...EVERYWHERE, ...Object.fromEntries(named) }
  const parsed = parseArgs({ args: marked(args), options, allowPositionals: true, strict: true })
  const { json: isJson, yes: isAgreed, ...values } = parsed.values
  const given = givenBy(action, { values, words: parsed.positionals })
  if (action.question !== undefined && isAgreed !== true) await confirm(action.question(given))
  const { json, text, printed } = await action.run(given, ask)
  await written(isJson === true ? `${JSON.stringify(json)}\n` : text)
  printed?.()
}

/** Throws where nobody reads it any more. */
const written = (text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })

type Parsed = Readonly<{ values: Readonly<Record<string, unknown>>; words: readonly string[] }>

function givenBy(action: Action, { values, words }: Parsed): Given {
  const missing = action.words[words.length]
  if (missing !== undefined && words.length < action.needed)
    throw new Error(`${missing.toUpperCase()} is missing.`)
  const extra = words[action.words.length]
  if (extra !== undefined) throw new Error(`'${unmarked(extra)}' is one word too many.`)
  const named = words.map((word, index) => [action.words[index], word])
  const all = [...Object.entries(values), ...named].map(([name, text]) => [
    String(name),
    unmarked(String(text)),
  ])
  return Object.fromEntries(all) as Given
}

/** A negative amount is no option: it is marked as long as options are told from words. */
const MARK = '\u0000'
const marked = (args: readonly string[]): string[] =>
  args.map((word) => (/^-[0-9.]/.test(word) ? MARK + word : word))
const unmarked = (word: string): string => (word.startsWith(MARK) ? word.slice(1) : word)

async function runHere(config: Config, ...asked: Parameters<Ask>): Promise<unknown> {
  const progress = progressLine()
  try {
    return await runCommand({ config, progress: progress.show }, ...asked)
  } finally {
    progress.clear()
  }
}

const ask: Ask = async (command, input) => {
  const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
  if (loaded.ok) return runHere(loaded.config, command, input)
  // A server goes on by the configuration that it has: a mistake in the file is no reason to leave it alone.
  const answer = await askRunning(dbDir(), command, input)
  if (answer === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return answer.result
}

async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new Error(`${question} Nobody is there to confirm it: add --yes to do it.`)
  const terminal = readline.createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`${question} [y/N] `)
  terminal.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw new Error('Nothing was done.')
}

export function actionHelp({ usage, does, options, question }: Action): string {
  const rows: [string, string][] = [
    ...Object.entries(options).map(([name, { value, does }]): [string, string] => [
      `--${name} ${value}`,
      does,
    ]),
    ...(question === undefined ? [] : [['--yes', 'do it without asking'] as [string, string]]),
    [
      '--json',
      'print the result as JSON, and a refusal as {"error": {"message", "param", "code"}}',
    ],
    ['--help', 'this text'],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, text]) => `  ${name.padEnd(width)}   ${text}`)
  return `node scripts/tollgate.js ${usage}\n\n${does}\n\n${lines.join('\n')}\n`
}
