import fs from 'node:fs'
import type { IssuedKeyView } from '../admin/issue-key-request.ts'
import { parseIssueKey } from '../admin/issue-key-request.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { csvLine, readCsv } from '../domain/csv.ts'
import { Failure } from '../domain/failure.ts'
import type { BatchIssued } from '../wiring/commands.ts'
import { withCommands } from '../wiring/run-command.ts'
import { whenIn } from './keys.ts'
import { progressLine } from './progress.ts'
import type { Result } from './resource.ts'

const COLUMNS = ['account', 'credits', 'tier', 'models', 'tags', 'expires']
const AT_A_TIME = 200
const TOLD_MAX = 20

/**
 * Issues a key for each line of a CSV file. Keys are printed as soon as they are issued, whatever becomes of the others, or of
 * this command: nobody can show them a second time.
 */
export async function issueBatch(file: string): Promise<Result> {
  const isJson = process.argv.includes('--json')
  const print = (rows: readonly (readonly string[])[]) =>
    isJson || process.stdout.write(rows.map(csvLine).join(''))
  const wishes = wishesIn(fs.readFileSync(file, 'utf8'))
  const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
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
        else refused.push(`line ${at + index + 2}: ${one.error}`)
      }
      print(made.flatMap((one) => ('key' in one ? [[one.account, one.key, one.keyId]] : [])))
      progress.show('issuing keys', (at + some.length) / wishes.length)
    }
  })
  progress.clear()
  if (refused.length > 0) {
    process.exitCode = 1
    process.stderr.write(`${refused.slice(0, TOLD_MAX).join('\n')}\n${refused.length} refused.\n`)
  }
  return { json: { issued, refused }, text: '' }
}

/** The wishes, each checked; or all that is wrong with the file. */
function wishesIn(text: string): readonly object[] {
  const [head = [], ...rows] = readCsv(text)
  const columns = head.map((name) => name.trim().toLowerCase())
  const unknown = columns.find((name) => !COLUMNS.includes(name))
  if (unknown !== undefined || !columns.includes('account'))
    throw new Error(
      `The first line names the columns: account, and any of ${COLUMNS.slice(1).join(', ')}.`,
    )
  const problems: string[] = []
  const wishes = rows.map((row, index) => {
    const wish = wishOf(
      Object.fromEntries(columns.map((name, at) => [name, row[at]?.trim() ?? ''])),
    )
    try {
      parseIssueKey(wish)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      problems.push(`line ${index + 2}: ${error.message}`)
    }
    return wish
  })
  if (problems.length > 0)
    throw new Error([...problems.slice(0, TOLD_MAX), 'Nothing was issued.'].join('\n'))
  return wishes
}

function wishOf(row: Readonly<Record<string, string>>): object {
  const { account, credits, tier, models, tags, expires } = row
  return {
    ...{ type: 'user', account },
    ...(credits && { credits }),
    ...(tier && { tier }),
    ...(models && { models: models.split(/\s+/) }),
    ...(tags && { tags: tags.split(/\s+/) }),
    ...(expires && { expires: whenIn(expires) }),
  }
}
