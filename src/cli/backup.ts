import { parseArgs } from 'node:util'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { formatCredits } from '../domain/money.ts'
import { makeBackup, verifyBackup, type BackupMade, type Verified } from '../wiring/backup.ts'
import { failWith } from './backup-exit.ts'
import { passphraseFrom } from './passphrase.ts'
import { progressLine } from './progress.ts'

const HELP = `node scripts/backup.js [options]
node scripts/backup.js verify FILE [options]

Copies the books into one file, while the server runs and while it does not: all entries that are on the disk at this
moment. The file is read back and its journal replayed before it gets its name, so a backup that is there is one that
can be restored. It is readable by its owner alone. "verify" does the same to a file that exists.

Without a passphrase the file is a tar.gz. With one it is encrypted (AES-256-GCM, key by scrypt), as .tar.gz.enc.
Restore it with node scripts/restore.js.

  --to DIR|FILE          where to put it (./backups); a name that ends in .tar.gz or .tar.gz.enc is the file's own
  --passphrase-file F    encrypt with what this file holds (-: what is piped in); or set
                         TOLLGATE_BACKUP_PASSPHRASE
  --keep N               afterwards, remove all but the newest N backups of that folder
  --with-config          put gateway.yaml and .env into it, too. They may hold provider keys: needs a passphrase
  --json                 {"file", "bytes", "encrypted", "created", "seq", "chain", "records", "accounts", "keys",
                         "credits", "files", "removed"}
  --help                 this text

Ends with 0 when the backup is there and sound, with 1 when it could not be made (nothing is left behind), with 2 when
the file is damaged or is no backup, and with 3 when its passphrase is missing or wrong.
`

const OPTIONS = {
  to: { type: 'string', default: './backups' },
  'passphrase-file': { type: 'string' },
  keep: { type: 'string' },
  'with-config': { type: 'boolean', default: false },
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
  const env = readEnvironment(process.env, diskFiles)
  const passphrase = passphraseFrom(values['passphrase-file'], env)
  const [action, file, ...more] = positionals
  if (action === undefined) {
    const made = await make(values, passphrase)
    progress.clear()
    process.stdout.write(values.json ? `${JSON.stringify(viewOf(made))}\n` : pageOf(made))
    return
  }
  if (action !== 'verify' || file === undefined || more.length > 0)
    throw new Error('Say nothing, to make a backup, or "verify FILE". See --help.')
  const verified = await verifyBackup(file, { passphrase, onProgress: progress.show })
  progress.clear()
  const page = `${file} is sound: ${sumOf(verified)}\n`
  process.stdout.write(values.json ? `${JSON.stringify({ file, ...factsOf(verified) })}\n` : page)
}

type Values = { to: string; keep?: string | undefined; 'with-config': boolean }

async function make(values: Values, passphrase: string | undefined): Promise<BackupMade> {
  if (values['with-config'] && passphrase === undefined)
    throw new Error('--with-config needs a passphrase: these files may hold provider keys.')
  const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return makeBackup(loaded.config, {
    ...{ to: values.to, passphrase, keep: keepOf(values.keep) },
    ...{ isWithConfig: values['with-config'], onProgress: progress.show },
  })
}

function keepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new Error('--keep needs a whole number from 1 on.')
  return Number(text)
}

function factsOf({ manifest, stand, records }: Verified) {
  return {
    ...{ created: manifest.created, seq: manifest.seq, chain: manifest.chain, records },
    ...{ accounts: stand.accounts, keys: stand.keys, credits: formatCredits(stand.credits) },
    files: manifest.files,
  }
}

function viewOf(made: BackupMade) {
  const { file, bytes, isEncrypted: encrypted, removed } = made
  return { file, bytes, encrypted, ...factsOf(made), removed }
}

function sumOf({ manifest, stand, records }: Verified): string {
  const credits = formatCredits(stand.credits)
  return (
    `the books of ${manifest.created}, up to seq ${manifest.seq} (${records} records replayed); ` +
    `${stand.accounts} accounts with ${credits} credits`
  )
}

function pageOf(made: BackupMade): string {
  return [
    `${made.file} (${made.bytes} bytes${made.isEncrypted ? ', encrypted' : ''})`,
    `Verified: ${sumOf(made)}`,
    ...made.removed.map((name) => `Removed: ${name}`),
    '',
  ].join('\n')
}
