import type { Server } from 'node:net'
import { issuedKeyView, parseIssueKey } from '../admin/issue-key-request.ts'
import type { Config } from '../config/config.ts'
import { serveControl } from '../control/control-server.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { issuingFor } from './books.ts'

/** What the command line may ask of the books, the same whether a server holds them or the command itself does. */
export function commandsOver(store: Store, config: () => Config) {
  const issuing = issuingFor(store, config)
  return {
    'issue-key': async (input: unknown) => issuedKeyView(await issuing.issue(parseIssueKey(input))),
    /** For a copy: what lies before it is on the disk and does not change any more. */
    'durable-end': () => Promise.resolve(store.durableEnd()),
  }
}

export type Command = keyof ReturnType<typeof commandsOver>

export const serveCommands = (store: Store, config: () => Config): Promise<Server> =>
  serveControl(store.socket, commandsOver(store, config))
