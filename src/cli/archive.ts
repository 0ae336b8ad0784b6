import { parseArgs } from 'node:util'
import { durationMs } from '../admin/fields.ts'
import { archiveFolder } from '../wiring/archive.ts'
import { progressLine } from './progress.ts'
import { dbDir } from './db-dir.ts'
import { tellFailure } from './tell-failure.ts'

const HELP = `node scripts/archive.js --older-than AGE --to DIR [options]

Moves sealed segments of the journal to another folder, oldest first, with a manifest of their checksums, seqs and chain
values. The server may run. Only what the server has packed is moved; the books at the end of it stay, so nothing is
lost for the accounts. Receipts and usage of what was moved need it back (copy the files into db/journal).

  node scripts/audit.js                  proves the books from the moved segments on, and says so
  node scripts/audit.js --archive DIR    proves them from the first entry on

Ends with 0 when the work is done, also when there was nothing to move, and with 1 when it is not.

  --older-than AGE  of a segment's last entry: 90d, 12h, 8w
  --to DIR          where to; made if it is not there. The same folder serves again and again
  --db DIR          the data folder (DB_DIR, ./db)
  --json            print {"to", "moved": [{"segment", "file", "sha256", "firstSeq", "lastSeq", "chain", …}]}
  --help            this text
`

const OPTIONS = {
  'older-than': { type: 'string' },
  to: { type: 'string' },
  db: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

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
  const { to } = values
  if (to === undefined) throw new Error('--to is missing: the folder that segments are moved to.')
  const olderThanMs = durationMs(values['older-than'] ?? '')
  if (olderThanMs === undefined)
    throw new Error('--older-than is missing, or no time such as 90d or 12h.')
  const db = values.db ?? dbDir()
  const progress = progressLine()
  const onSegment = (done: number, of: number) => {
    progress.show('Archiving', done / of)
  }
  const moved = await archiveFolder({ db, to, olderThanMs, onSegment })
  progress.clear()
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ to, moved })}\n`)
    return
  }
  const [first, last] = [moved[0], moved.at(-1)]
  const seqs = first && last && `seq ${first.firstSeq} to ${last.lastSeq}`
  process.stdout.write(
    seqs === undefined
      ? 'No packed segment is that old: nothing was moved.\n'
      : `${moved.length} segments (${seqs}) are in ${to} now.\n`,
  )
}
