import path from 'node:path'
import { askServer } from '../control/control-client.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { socketPath } from '../store/lowdb/socket-path.ts'
import { folderUsage } from '../store/lowdb/usage/folder-usage.ts'
import { readingCommands, type Readings } from './reading-commands.ts'
import { refusedBy } from './run-command.ts'

type Reading = Readonly<{
  dbDir: string
  /** Told while the past is added up for the first time. */
  progress: (step: string, share: number) => void
}>

/** Asks the running server, or, where none runs, reads the folder: nothing is claimed, for nothing is written to the books. */
export function booksReader({ dbDir, progress }: Reading) {
  const dir = path.resolve(dbDir)
  let folder: Readings | undefined
  return async (command: keyof Readings, input: unknown): Promise<unknown> => {
    const answer =
      folder === undefined
        ? await askServer(socketPath(dbPaths(dir).socket), command, input)
        : undefined
    if (answer?.ok === true) return answer.result
    if (answer !== undefined) throw refusedBy(answer)
    const book = folder ?? openFolder(dir, progress)
    folder = book
    return book[command](input)
  }
}

function openFolder(dir: string, progress: Reading['progress']): Readings {
  const usage = folderUsage(dir, (share) => {
    progress('Adding up the past', share)
  })
  if (usage === undefined) throw new Error(`${dir} has no books yet.`)
  return readingCommands(usage)
}
