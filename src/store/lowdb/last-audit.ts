import fs from 'node:fs'
import { dbPaths } from './segments.ts'
import { writeWhole } from './write-whole.ts'

/** What the last audit of all of the books came to. `at` is by the wall clock, in milliseconds. */
export type LastAudit = Readonly<{ at: number; records: number; seq: number; findings: number }>

/** Undefined while there was none, and where its note cannot be read: it is worth knowing, and no more. */
export async function readLastAudit(file: string): Promise<LastAudit | undefined> {
  try {
    return JSON.parse(await fs.promises.readFile(file, 'utf8')) as LastAudit // our own, whole or not there
  } catch {
    return undefined // nobody audited yet, or another user did
  }
}

/** For whoever asks how the gateway is. Only the folder's owner leaves a file in it that the gateway can read. */
export function noteAudit(db: string, audit: LastAudit): void {
  try {
    if (fs.statSync(db).uid !== process.getuid?.()) return
    writeWhole(dbPaths(db).lastAudit, `${JSON.stringify(audit)}\n`)
  } catch {
    // A folder that may only be read, or a full disk: the audit is as true without.
  }
}
