import fs from 'node:fs'
import { makeUpKey } from '../wiring/batch.ts'

/** Keys by the names of their lines. */
export type Promised = Readonly<Record<string, string>>

/**
 * The keys of a batch are made up and on the disk before the first of them is issued: whenever the command dies, the next one
 * finds them there, issues those that are not, and prints all of them. The file is whole or not there; lines that were added
 * since it was made get keys of their own.
 */
export function promiseKeys(file: string, calls: readonly string[]): Promised {
  for (;;) {
    const before = readPromised(file)
    const added = calls.filter((call) => before?.[call] === undefined)
    if (before !== undefined && added.length === 0) return before
    const all = { ...before, ...Object.fromEntries(added.map((call) => [call, makeUpKey()])) }
    if (writePromised(file, all, before === undefined)) return all
  }
}

/** Only these were issued: nobody has the others, and nobody is to wait for them. */
export function keepPromised(file: string, issued: Promised): void {
  if (Object.keys(issued).length > 0) writePromised(file, issued, false)
  else fs.rmSync(file, { force: true })
}

function readPromised(file: string): Promised | undefined {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text) as Promised
  } catch (cause) {
    throw new Error(
      `${file} was changed, and holds keys that may have been issued. Put it right.`,
      {
        cause,
      },
    )
  }
}

/** Whether it was; a new one is not where another command made one at the same time. */
function writePromised(file: string, all: Promised, isNew: boolean): boolean {
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, JSON.stringify(all), { mode: 0o600, flag: 'wx', flush: true })
  try {
    if (isNew) fs.linkSync(temporary, file)
    else fs.renameSync(temporary, file)
    return true
  } catch (error) {
    if (isNew && fs.existsSync(file)) return false
    throw error
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}
