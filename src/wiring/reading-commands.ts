import path from 'node:path'
import { operatorReceiptView } from '../admin/receipt-view.ts'
import { readUsage } from '../admin/read-usage.ts'
import { usageCsv, usageView } from '../admin/usage-view.ts'
import type { Config } from '../config/config.ts'
import { askServer } from '../control/control-client.ts'
import { Failure } from '../domain/failure.ts'
import { receiptOf } from '../domain/receipt.ts'
import { nextPosition, type Parameters, type UsagePosition } from '../domain/usage-query.ts'
import type { UsageBook } from '../ports/usage.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { socketPath } from '../store/lowdb/socket-path.ts'
import { folderUsage } from '../store/lowdb/usage/folder-usage.ts'
import { systemClock } from './clock.ts'

type UsageCommand = Readonly<{ parameters: Parameters; position?: UsagePosition }>

/** What the command line may read of the past, the same from a server and from the folder. */
export function readingCommands(usage: UsageBook) {
  return {
    async usage(input: unknown) {
      const { parameters, position } = input as UsageCommand // the command line's own words
      const { query, page } = await readUsage(
        { usage, nowMs: systemClock.nowMs },
        { parameters, position },
      )
      const next = nextPosition(query, page) ?? null
      return { view: usageView(query, page), csv: usageCsv(query, page), next }
    },
    async receipt(input: unknown) {
      const { id } = input as { id: string }
      const records = await usage.request(id)
      if (records !== undefined) return operatorReceiptView(receiptOf(records))
      throw new Failure('not_found', `There is no request '${id}' in the books.`)
    },
  }
}

type Readings = ReturnType<typeof readingCommands>
export type ReadReceipt = Awaited<ReturnType<Readings['receipt']>>

type Reading = Readonly<{
  config: Pick<Config, 'dbDir'>
  /** Told while the past is added up for the first time. */
  progress: (step: string, share: number) => void
}>

/** Asks the running server, or, where none runs, reads the folder: nothing is claimed, for nothing is written to the books. */
export function booksReader({ config, progress }: Reading) {
  const dir = path.resolve(config.dbDir)
  let folder: Readings | undefined
  return async (command: keyof Readings, input: unknown): Promise<unknown> => {
    const answer =
      folder === undefined
        ? await askServer(socketPath(dbPaths(dir).socket), command, input)
        : undefined
    if (answer?.ok === true) return answer.result
    if (answer !== undefined) throw new Error(answer.message)
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
