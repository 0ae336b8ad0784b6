import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

/** A file that is there whole and on the disk, or not at all. */
export function writeWhole(file: string, bytes: Buffer | string): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    fs.writeFileSync(temporary, bytes, { mode: 0o600, flag: 'wx', flush: true })
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

/** Makes names created in a folder durable. */
export function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r')
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/** What somebody who was killed left half-written in a folder that is nobody else's to write to now. */
export function removeLeftovers(folder: string): void {
  for (const name of fs.readdirSync(folder).filter((one) => LEFTOVER.test(one)))
    fs.rmSync(path.join(folder, name), { force: true })
}

const LEFTOVER =
  /^(?:(?:gateway|base|manifest|last-audit|last-backup)\.json|\d{8}\.jsonl\.gz)\.[0-9a-f]{12}\.tmp$/
