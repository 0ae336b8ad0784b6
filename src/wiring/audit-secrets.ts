import fs from 'node:fs'
import path from 'node:path'
import type { Place, Report } from '../store/audit-line.ts'
import { eachLine } from './audit-lines.ts'

const filesIn = (dir: string) =>
  fs.existsSync(dir) ? fs.readdirSync(dir, { recursive: true, withFileTypes: true }) : []

/** A18: nobody but the owner can read the books. An empty file gives nothing away. */
export function checkModes(db: string, report: Report): void {
  for (const file of [db, ...filesIn(db).map((entry) => path.join(entry.parentPath, entry.name))]) {
    const stat = fs.lstatSync(file, { throwIfNoEntry: false })
    if (stat === undefined || stat.isSymbolicLink() || (stat.isFile() && stat.size === 0)) continue
    const mode = stat.mode & 0o777
    if ((mode & 0o077) !== 0) report('A18', `has mode ${mode.toString(8)}`, { file, offset: 0 })
  }
}

/** A17: no key in plain text, in any file but the segments, which are searched as they are read. */
export function searchFiles(dir: string, report: Report): void {
  for (const entry of filesIn(dir).filter((one) => one.isFile() && !SEGMENT.test(one.name))) {
    const file = path.join(entry.parentPath, entry.name)
    const onLine = (line: Buffer, offset: number) => {
      searchLine(line, { file, offset }, report)
      return true
    }
    try {
      const { rest, offset } = eachLine(file, { onBytes: () => undefined, onLine })
      onLine(rest, offset)
    } catch (error) {
      if (fs.existsSync(file)) throw error // else it was a passing thing, such as a snapshot on its way
    }
  }
}

/** Where a key is found, it is not said again. */
export function searchLine(line: Buffer, place: Place, report: Report): void {
  if (line.includes('tg-') && KEY.test(line.toString('latin1')))
    report('A17', 'a key in plain text', place)
}

const KEY = /tg-[0-9A-Za-z]{49}/
const SEGMENT = /^\d{8}\.jsonl(?:\.gz)?$/
