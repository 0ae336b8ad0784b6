import fs from 'node:fs'
import path from 'node:path'

export type JournalRecord = Readonly<
  Record<string, unknown> & { seq: number; kind: string; ref?: string }
>

/** The gateway's own books, read from the disk without its code. */
export function readJournal(dir: string): readonly JournalRecord[] {
  const folder = path.join(dir, 'db', 'journal')
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => fs.readFileSync(path.join(folder, name), 'utf8').split('\n'))
    .filter((line) => line.endsWith('}') && !line.includes('\0')) // what is just being written may show its end first
    .map((line) => JSON.parse(line) as JournalRecord)
}

export const ofKind = (dir: string, kind: string): readonly JournalRecord[] =>
  readJournal(dir).filter((record) => record.kind === kind)

export function settledOf(dir: string, requestId: string | undefined): JournalRecord {
  const records = ofKind(dir, 'settle').filter(({ ref }) => ref === requestId)
  if (records.length !== 1)
    throw new Error(`${records.length} settles of ${requestId ?? 'nothing'}`)
  return records[0] as JournalRecord
}

/** Lines of the request log, once they are written. */
export async function untilLogged(output: () => string, text: string): Promise<string> {
  for (;;) {
    const line = output()
      .split('\n')
      .find((one) => one.includes(text))
    if (line !== undefined) return line
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Requests whose hold has not been ended. */
export function openHoldsIn(records: readonly JournalRecord[]): Set<string | undefined> {
  const open = new Set<string | undefined>()
  for (const { kind, ref } of records) {
    if (kind === 'hold') open.add(ref)
    else if (ENDS.has(kind)) open.delete(ref)
  }
  return open
}

const ENDS = new Set(['settle', 'release', 'expire'])
