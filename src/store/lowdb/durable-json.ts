import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { Adapter } from 'lowdb'
import { isMissing } from './segments.ts'

/**
 * LowDB's own file adapter neither syncs nor picks a temporary name of its own, and takes an empty file for no data.
 * This one writes beside the file, syncs, renames, and syncs the folder. Between the two renames of a file that is kept
 * there is none of its name, and whoever looks takes the kept one.
 */
export function durableJson<T>(file: string, keepAs?: string): Adapter<T> {
  return {
    async read() {
      try {
        return JSON.parse(await fs.promises.readFile(file, 'utf8')) as T
      } catch (error) {
        if (isMissing(error) || error instanceof SyntaxError) return null
        throw error
      }
    },
    async write(data) {
      const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
      await writeDurably(temporary, JSON.stringify(data, null, 1))
      if (keepAs !== undefined) await fs.promises.rename(file, keepAs)
      await fs.promises.rename(temporary, file)
      await syncFolder(path.dirname(file))
    },
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await fs.promises.open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.promises.open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
