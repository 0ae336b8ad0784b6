import fs from 'node:fs'
import path from 'node:path'
import type { IssuedKeyView } from '../admin/issue-key-request.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { csvLine } from '../domain/csv.ts'
import type { BatchIssued } from '../wiring/batch.ts'
import { withCommands } from '../wiring/run-command.ts'
import { batchRows } from './batch-rows.ts'
import { progressLine } from './progress.ts'
import { keepPromised, promiseKeys, type Promised } from './promised-keys.ts'
import type { Result } from './resource.ts'

const AT_A_TIME = 200
const TOLD_MAX = 20

/**
 * Issues a key for each line of a CSV file. Keys are printed as soon as they are issued, whatever becomes of the others, or of
 * this command: nobody can show them a second time. One that died is run again, and goes on.
 */
export async function issueBatch(file: string, batch = path.basename(file)): Promise<Result> {
  const rows = batchRows(fs.readFileSync(file, 'utf8'), batch)
  const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const kept = `${file}.issuing`
  const keys = promiseKeys(
    kept,
    rows.map(({ call }) => call),
  )
  const wishes = rows.map(({ call, wish }) => ({ call, key: keys[call] ?? '', wish }))
  const progress = progressLine()
  const issued: IssuedKeyView[] = []
  const refused: Refused[] = []
  print([['account', 'key', 'key_id']])
  await withCommands(loaded.config, async (run) => {
    for (let at = 0; at < wishes.length; at += AT_A_TIME) {
      const some = wishes.slice(at, at + AT_A_TIME)
      const made = (await run('issue-keys', some)) as BatchIssued
      for (const [index, one] of made.entries()) {
        const { line = 0, call = '' } = rows[at + index] ?? {}
        if ('key' in one) issued.push(one)
        else refused.push({ ...one, error: `line ${line}: ${one.error}`, call })
      }
      print(made.flatMap((one) => ('key' in one ? [[one.account, one.key, one.keyId]] : [])))
      progress.show('issuing keys', (at + some.length) / wishes.length)
    }
  })
  progress.clear()
  if (refused.length > 0) tellRefused(refused, settle(kept, keys, refused))
  const printed = () => {
    if (refused.every(({ isBefore }) => isBefore)) forget(kept)
  }
  return { json: { issued, refused: refused.map(({ error }) => error) }, text: '', printed }
}

type Refused = Readonly<{ call: string; error: string; isBefore: boolean }>

/** A key of a line that was refused is nobody's: what is kept is what was issued, and where it is. */
function settle(kept: string, keys: Promised, refused: readonly Refused[]): string | undefined {
  const calls = new Set(refused.map(({ call }) => call))
  const issued = Object.entries(keys).filter(([call]) => !calls.has(call))
  keepPromised(kept, Object.fromEntries(issued))
  return issued.length === 0 ? undefined : kept
}

function print(rows: readonly (readonly string[])[]): void {
  if (!process.argv.includes('--json')) process.stdout.write(rows.map(csvLine).join(''))
}

function tellRefused(refused: readonly Refused[], kept: string | undefined): void {
  process.exitCode = 1
  const told = refused.slice(0, TOLD_MAX).map(({ error }) => `${error}\n`)
  process.stderr.write(`${told.join('')}${conclusionOf(refused, kept)}\n`)
}

function conclusionOf(refused: readonly Refused[], kept: string | undefined): string {
  const before = refused.filter(({ isBefore }) => isBefore).length
  if (before === refused.length)
    return kept === undefined
      ? 'All of this batch was issued before. Nothing was issued now.'
      : `${before} were issued before. Only the others were issued now.`
  const again = `${refused.length} refused. Put them right and run this again`
  if (kept === undefined) return `${again}. Nothing was issued.`
  return `${again}, which prints the others again and issues nothing twice.
Until then ${kept} keeps the keys; delete it when you have them.`
}

/** Only what is printed for good may be forgotten; to a pipe or a terminal it is. */
function forget(kept: string): void {
  if (fs.fstatSync(process.stdout.fd).isFile()) fs.fsyncSync(process.stdout.fd)
  fs.rmSync(kept, { force: true })
}
