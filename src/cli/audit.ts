import { parseArgs } from 'node:util'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import { progressLine } from './progress.ts'
import { salvageFolder, type Salvage } from '../wiring/salvage.ts'
import { auditFolder, noteResult, type Audit, type Finding } from '../wiring/audit.ts'
import { dbDir } from './db-dir.ts'
import { tellFailure } from './tell-failure.ts'

const HELP = `node scripts/audit.js [options]

Proves the books of a data folder from their bytes: A1 no gap in seq, A2 every crc, A3 the chain, A4 balances, A5 held,
A6 nothing negative, A7 a hold ends once, A8 charges within holds and free credit, A9 no reference twice, A10 an idempotency
key is one call, A11 money is conserved, A12 amounts in range, A13 no hold by a revoked key, A14 no hold forgotten,
A15 snapshots, A16 usage records, A17 no key in plain text, A18 file modes,
A19 chains of resellers, A20 their prices, A21 codes and invitations. Changes nothing of them, and works while a server
writes. What it came to is noted beside them, in last-audit.json, which GET /admin/health shows.

Ends with 0 when all is true, with 1 when something is not, and with 2 when there are no books that it can read.

  --db DIR     the data folder (DB_DIR, ./db)
  --logs DIR   the folder of the logs (LOG_DIR, ./logs)
  --at SEQ     the books as they were at this seq, and nothing after it
  --archive DIR  where segments were moved to (see archive.js): proves them, too
  --salvage DIR  write what is sound of a damaged folder into DIR, a new one, and say what is lost; the damaged one is
               only read. Ends with 0 when the copy passes the audit
  --json       {"records", "seq", "count", "findings": [{"rule", "what", "file", "offset", "seq", "account"}], "notes"}
  --help       this text
`

const UNREADABLE = 2
const OPTIONS = {
  db: { type: 'string' },
  logs: { type: 'string' },
  at: { type: 'string' },
  archive: { type: 'string' },
  salvage: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

try {
  main()
} catch (error) {
  tellFailure(error, UNREADABLE)
}

function main(): void {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const env = readEnvironment(process.env, diskFiles)
  const db = values.db ?? dbDir()
  const logs = values.logs ?? (env['LOG_DIR'] || './logs')
  if (values.salvage !== undefined) {
    const salvaged = salvageFolder(db, values.salvage)
    process.stdout.write(values.json ? `${JSON.stringify(salvaged)}\n` : salvagePage(salvaged))
    process.exitCode = salvaged.findings === 0 ? 0 : 1
    return
  }
  const progress = progressLine()
  let done = 0
  const onBytes = (count: number, total: number) => {
    progress.show('Auditing', Math.min(1, (done += count) / Math.max(total, 1)))
  }
  const request = { db, logs, onBytes }
  const audit = auditFolder({
    ...request,
    ...(values.at !== undefined && { at: seqOf(values.at) }),
    ...(values.archive !== undefined && { archive: values.archive }),
  })
  progress.clear()
  if (values.at === undefined) noteResult(db, audit)
  process.stdout.write(values.json ? `${JSON.stringify(audit)}\n` : page(audit))
  process.exitCode = audit.count === 0 ? 0 : 1
}

function seqOf(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Error(`--at takes a seq, such as 1200; not ${text}.`)
  return Number(text)
}

function page({ records, findings, count, notes }: Audit): string {
  const hidden = count - findings.length
  const sum = count === 0 ? 'the books are true' : `${count} findings`
  return [
    ...findings.map(lineOf),
    ...(hidden > 0 ? [`… and ${hidden} more`] : []),
    ...notes.map((note) => `note: ${note}`),
    `${records} records: ${sum}`,
    '',
  ].join('\n')
}

function salvagePage({ to, kept, stoppedBy, lost, findings }: Salvage): string {
  const { seqs, bytes, readable, unreadable, accounts, history } = lost
  const from = kept.after === 0 ? 'the first entry' : `the books at seq ${kept.after}`
  const gone = seqs === undefined ? 'no entry' : `seq ${seqs[0]} to ${seqs[1]}`
  return [
    `${to} has what is sound: from ${from} to seq ${kept.seq}.`,
    ...(stoppedBy === undefined ? [] : [`Ended by: ${lineOf(stoppedBy)}`]),
    `Lost: ${gone}, ${bytes} bytes; of these ${readable} records can be read, ${unreadable} cannot.`,
    ...accounts.map(
      ({ account, records, balance }) =>
        `  ${account}: ${records} records${balance === undefined ? '' : `, the last says balance ${balance}`}`,
    ),
    ...(history.length === 0
      ? []
      : [`Segments ${history.join(', ')} are in these books, not proven.`]),
    findings === 0
      ? `The copy passes the audit. salvaged.json in it says the same. To use it, set DB_DIR=${to}.`
      : `The copy has ${findings} findings: see node scripts/audit.js --db ${to}`,
    '',
  ].join('\n')
}

function lineOf({ rule, what, file, offset, seq, account }: Finding): string {
  const at = [`${file}, offset ${offset}`]
  if (seq !== undefined) at.push(`seq ${seq}`)
  if (account !== undefined) at.push(`account ${account}`)
  return `${rule} ${what} (${at.join(', ')})`
}
