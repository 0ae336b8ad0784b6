import path from 'node:path'
import type { Config } from '../config/config.ts'
import { askServer, LostServer } from '../control/control-client.ts'
import type { ControlAnswer } from '../control/control-server.ts'
import { Failure } from '../domain/failure.ts'
import { FolderInUse } from '../store/lowdb/claim.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { socketPath } from '../store/lowdb/socket-path.ts'
import { openBooks } from './books.ts'
import { commandsOver, type Command } from './commands.ts'

/** Whose books, and who is told how far a command is that has to add up the past first. */
export type Where = Readonly<{ config: Config; progress?: (step: string, share: number) => void }>

/** Runs a command in the server that holds the books, or, where none runs, on the books themselves. */
export async function runCommand(where: Where, command: Command, input: unknown): Promise<unknown> {
  for (let patience = TRIES; ; patience--) {
    const answer = await askRunning(where.config.dbDir, command, input)
    if (answer !== undefined) return answer.result
    try {
      return await runAlone(where, command, input)
    } catch (error) {
      // A server that is starting or stopping holds the folder without listening: ask it again shortly.
      if (!(error instanceof FolderInUse) || patience === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** Runs a command in the server that holds the books of a folder; undefined where none does. */
export async function askRunning(
  dbDir: string,
  command: Command,
  input: unknown,
): Promise<{ result: unknown } | undefined> {
  const answer = await askServer(socketOf(dbDir), command, input)
  if (answer?.ok === false) throw refusedBy(answer)
  return answer && { result: answer.result }
}

/** What a command ends with that failed: 1 when it was refused, 3 when nobody knows whether it was done. */
export const exitCodeOf = (error: unknown): number => (error instanceof LostServer ? 3 : 1)

/** The server's refusal, as if it had been refused here. */
export function refusedBy({
  code,
  message,
  param,
}: Extract<ControlAnswer, { ok: false }>): Failure {
  return new Failure(code, message, param === undefined ? {} : { param })
}

const TRIES = 50
const RETRY_MS = 100

function runAlone(where: Where, command: Command, input: unknown): Promise<unknown> {
  return onOwnBooks(where, (run) => run(command, input))
}

/** Runs one command, in the server or on the books themselves. */
export type Run = (command: Command, input: unknown) => Promise<unknown>

/** For many commands in a row: where no server runs, the books are opened once for all of them. */
export async function withCommands<T>(config: Config, work: (run: Run) => Promise<T>): Promise<T> {
  const isServed = (await askServer(socketOf(config.dbDir), 'durable-end', {})) !== undefined
  return isServed
    ? work((command, input) => runCommand({ config }, command, input))
    : onOwnBooks({ config }, work)
}

const socketOf = (dbDir: string): string => socketPath(dbPaths(path.resolve(dbDir)).socket)

async function onOwnBooks<T>(
  { config, progress }: Where,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const store = await openBooks({
    ...{ dbDir: config.dbDir, purpose: 'command' },
    onSumming: (share) => progress?.('Adding up the past', share),
    onTrouble: (message) => {
      process.stderr.write(`Tollgate: ${message}\n`)
    },
  })
  try {
    const commands = commandsOver(store, () => config)
    return await work((command, input) => commands[command](input))
  } finally {
    await store.close()
  }
}
