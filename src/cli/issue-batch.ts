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
import { promiseKeys } from './promised-keys.ts'
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
  const refused: string[] = []
  print([['account', 'key', 'key_id']])
  await withCommands(loaded.config, async (run) => {
    for (let at = 0; at < wishes.length; at += AT_A_TIME) {
      const some = wishes.slice(at, at + AT_A_TIME)
      const made = (await run('issue-keys', some)) as BatchIssued
      for (const [index, one] of made.entries()) {
        if ('key' in one) issued.push(one)
        else refused.push(`line ${rows[at + index]?.line ?? 0}: ${one.error}`)
      }
      print(made.flatMap((one) => ('key' in one ? [[one.account, one.key, one.keyId]] : [])))
      progress.show('issuing keys', (at + some.length) / wishes.length)
    }
  })
  progress.clear()
  if (refused.length > 0) tellRefused(refused, kept)
  const printed = () => {
    if (refused.length === 0) forget(kept)
  }
  return { json: { issued, refused }, text: '', printed }
}

function print(rows: readonly (readonly string[])[]): void {
  if (!process.argv.includes('--json')) process.stdout.write(rows.map(csvLine).join(''))
}

function tellRefused(refused: readonly string[], kept: string): void {
  process.exitCode = 1
  process.stderr.write(`${refused.slice(0, TOLD_MAX).join('\n')}
${refused.length} refused. Put them right and run this again, which prints the others again and issues nothing twice.
Until then ${kept} keeps the keys; delete it when you have them.
`)
}

/** Only what is printed for good may be forgotten; to a pipe or a terminal it is. */
function forget(kept: string): void {
  if (fs.fstatSync(process.stdout.fd).isFile()) fs.fsyncSync(process.stdout.fd)
  fs.rmSync(kept, { force: true })
}
