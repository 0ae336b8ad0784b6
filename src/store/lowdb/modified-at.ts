import fs from 'node:fs'

/** By the wall clock, in milliseconds; undefined while there is no such file. */
export async function modifiedAt(file: string): Promise<number | undefined> {
  try {
    return (await fs.promises.stat(file)).mtimeMs
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
