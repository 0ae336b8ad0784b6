import readline from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { formatCredits } from '../domain/money.ts'
import { restoreBackup, unpackConfig, type RestorePlan, type Restored } from '../wiring/restore.ts'
import { dbDir } from './db-dir.ts'
import { failWith } from './backup-exit.ts'
import { passphraseFrom } from './passphrase.ts'
import { progressLine } from './progress.ts'

const HELP = `node scripts/restore.js FILE [options]

Puts a backup in the place of the books. It is unpacked beside them and proven first: every digest, a replay, and the
audit. The present books are kept in the data folder, as before-restore-…, and never deleted. No server may run on the
folder. If this is interrupted, the folder has either the old books or the new ones: the next start, or the next
restore, finishes what was decided.

  --db DIR               the data folder (DB_DIR, ./db); made if it is not there
  --dry-run              do all of it except the change, and say what it would change; in TMPDIR, which needs the room
  --yes                  do not ask (needed where there is no terminal)
  --passphrase-file F    the passphrase of an encrypted backup (-: piped in); or set TOLLGATE_BACKUP_PASSPHRASE
  --despite-findings     take it even if its audit finds something
  --config-to DIR        also unpack its configuration files, if it has them, into a folder that does not have them yet
  --json                 {"done", "created", "before", "after", "kept", "findings", "config", "notes"}; before and after:
                         {"seq", "accounts", "keys", "credits"}, and before "trouble" if it cannot be read
  --help                 this text

Ends with 0 when it is done (or would work, in a dry run), with 1 when it was refused, with 2 when the file is damaged
or is no backup, and with 3 when its passphrase is missing or wrong. Unless it ends with 0, nothing was changed.
`

const OPTIONS = {
  db: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  'passphrase-file': { type: 'string' },
  'despite-findings': { type: 'boolean', default: false },
  'config-to': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const progress = progressLine()
try {
  await main()
} catch (error) {
  progress.clear()
  failWith(error)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new Error('Name one backup file. See --help.')
  const env = readEnvironment(process.env, diskFiles)
  const passphrase = passphraseFrom(values['passphrase-file'], env)
  const notes: string[] = []
  const restored = await restoreBackup({
    ...{ file, passphrase, dbDir: values.db ?? dbDir() },
    ...{ isDryRun: values['dry-run'], isDespiteFindings: values['despite-findings'] },
    onProgress: progress.show,
    onNote: (text) => notes.push(text),
    confirm: (plan) => confirm(plan, { isYes: values.yes, isQuiet: values.json }),
  })
  progress.clear()
  const folder = values['config-to']
  const isWanted = folder !== undefined && restored.isDone
  const config = isWanted ? await unpackConfig(file, { folder, passphrase }) : []
  if (!restored.isDone && !values['dry-run']) process.exitCode = 1
  const isDryRun = values['dry-run']
  process.stdout.write(
    values.json
      ? `${JSON.stringify(viewOf(restored, { config, notes }))}\n`
      : pageOf(restored, { config, notes, isDryRun }),
  )
}

type Asking = Readonly<{ isYes: boolean; isQuiet: boolean }>

async function confirm(plan: RestorePlan, { isYes, isQuiet }: Asking): Promise<boolean> {
  progress.clear()
  if (isYes) return true
  if (!process.stdin.isTTY || isQuiet)
    throw new Error('This replaces the books. Add --yes, or look first with --dry-run.')
  process.stdout.write(`${tableOf(plan)}\n`)
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question('Put these books in the place of the present ones? [y/N] ')
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

function viewOf(restored: Restored, more: { config: readonly string[]; notes: readonly string[] }) {
  const { isDone: done, manifest, before, after, safety: kept, findings } = restored
  const stand = ({ credits, ...rest }: RestorePlan['after']) => ({
    ...rest,
    credits: formatCredits(credits),
  })
  const { created } = manifest
  return { done, created, before: stand(before), after: stand(after), kept, findings, ...more }
}

type Page = Readonly<{ config: readonly string[]; notes: readonly string[]; isDryRun: boolean }>

function pageOf(restored: Restored, { config, notes, isDryRun }: Page): string {
  const { isDone, safety } = restored
  const kept = safety === undefined ? [] : [`The books before it are in ${safety}.`]
  const not = isDryRun ? 'A dry run: nothing was changed.' : 'Nothing was changed.'
  return [
    ...notes,
    tableOf(restored),
    ...(isDone ? ['Done.', ...kept] : [not]),
    ...config.map((file) => `Unpacked: ${file}`),
    '',
  ].join('\n')
}

function tableOf({ manifest, before, after, findings }: RestorePlan): string {
  const row = (name: string, now: string | number, then: string | number) =>
    `${name.padEnd(12)}${String(now).padStart(24)}${String(then).padStart(24)}`
  return [
    `A backup of ${manifest.created}, made by Tollgate ${manifest.version}`,
    row('', 'now', 'restored'),
    row('last seq', before.seq, after.seq),
    row('accounts', before.accounts, after.accounts),
    row('keys', before.keys, after.keys),
    row('credits', formatCredits(before.credits), formatCredits(after.credits)),
    ...(before.trouble === undefined ? [] : [`The present books: ${before.trouble}.`]),
    ...(findings.length === 0
      ? []
      : [`The audit of the backup found something (${findings.length}).`]),
  ].join('\n')
}
