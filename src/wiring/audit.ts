import type { Place, Report } from '../store/audit-line.ts'
import { noteAudit } from '../store/lowdb/last-audit.ts'
import { checkModes, searchFiles } from './audit-secrets.ts'
import { JournalWalk, openBooks } from './audit-walk.ts'

/**
 * Proves a data folder by its bytes alone: nothing that writes the books is used to read them. After a finding it goes
 * on from what the line claims, so that one lie is not a thousand findings. What it keeps is an item for each account,
 * key, price and open hold, and a bit or two for each request.
 */
export type Finding = Place & Readonly<{ rule: string; what: string }>
export type Audit = Readonly<{
  records: number
  /** The last seq that was proven. */
  seq: number
  /** The first hundred. */
  findings: readonly Finding[]
  /** All of them. */
  count: number
  /** Worth knowing, and nobody's fault. */
  notes: readonly string[]
}>
export type AuditRequest = Readonly<{
  db: string
  logs?: string
  /** Where segments were moved to, so that the proof begins with the first entry again. */
  archive?: string
  /** The books as they were at this seq, and nothing after it. */
  at?: number
  /** Bytes of the journal that were read, of how many. */
  onBytes?: (count: number, total: number) => void
}>

const FINDINGS_MAX = 100

export function auditFolder({ db, logs = db, archive, at, onBytes }: AuditRequest): Audit {
  const findings: Finding[] = []
  let count = 0
  const report: Report = (rule, what, place) => {
    if (++count <= FINDINGS_MAX) findings.push({ rule, what, ...place })
  }
  const books = openBooks({ db, archive }, report)
  const walked = new JournalWalk(books, { report, at, onBytes }).run()
  checkModes(db, report)
  for (const dir of new Set([db, logs])) searchFiles(dir, report)
  return { ...walked, findings, count }
}

/** For whoever asks how the gateway is. */
export function noteResult(db: string, { records, seq, count }: Audit): void {
  noteAudit(db, { at: Date.now(), records, seq, findings: count })
}
