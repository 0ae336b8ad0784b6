import type { Server } from 'node:net'
import { correctionView } from '../admin/correct-credit.ts'
import { parseCorrectionCommand } from '../admin/correction-request.ts'
import { legacyImport, parseLegacyBatch } from '../admin/import-legacy.ts'
import { codeQuestion, codeQuestionOf, newCodes } from '../admin/code-request.ts'
import { readInput } from '../admin/read-input.ts'
import { issuedKeyView, parseIssueKey } from '../admin/issue-key-request.ts'
import type { Config } from '../config/config.ts'
import { serveControl } from '../control/control-server.ts'
import { nodeSecrets } from '../credentials/node-secrets.ts'
import type { AuditTrail } from '../ports/trail.ts'
import type { UsageBook } from '../ports/usage.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { issueAll } from './batch.ts'
import { correctingFor, issuingFor } from './books.ts'
import { CLI, registerCommands } from './register-commands.ts'
import { readingCommands } from './reading-commands.ts'
import { operatorCommands, type Live } from './operator-commands.ts'
import { codesFor } from './resellers.ts'
import { webhookCommands } from './webhooks.ts'
import { routeCommands } from './explain-route.ts'

/** What the command line may ask of the books, the same whether a server holds them or the command itself does. */
export function commandsOver(store: Store, config: () => Config, live?: Live) {
  const issuing = issuingFor(store, config)
  const correcting = correctingFor(store)
  const vouchers = codesFor(store)
  const { registry, keys } = store
  const legacy = legacyImport({ registry, keys, secrets: nodeSecrets(keys.hashOf) })
  return {
    'issue-key': async (input: unknown) =>
      issuedKeyView(await issuing.issue(parseIssueKey(input), CLI)),
    'issue-keys': (input: unknown) => issueAll(issuing, input),
    'correct-credit': async (input: unknown) => {
      const call = { ...parseCorrectionCommand(input), by: CLI.by }
      return correctionView((await correcting.correct(call)).entry)
    },
    'import-legacy': (input: unknown) => legacy.run(parseLegacyBatch(input)),
    'create-codes': (input: unknown) => vouchers.create(readInput(newCodes, input), CLI),
    'list-codes': (input: unknown) =>
      Promise.resolve(vouchers.list(codeQuestionOf(readInput(codeQuestion, input)))),
    'revoke-code': (input: unknown) => vouchers.revoke((input as { id: string }).id, CLI.by),
    /** For a copy: what lies before it is on the disk and does not change any more. */
    'durable-end': () => Promise.resolve(store.durableEnd()),
    ...registerCommands(store, config),
    ...operatorCommands(store, config, live),
    ...webhookCommands({ store, config, secrets: live?.secrets }),
  }
}

export type Command = keyof ReturnType<typeof commandsOver>

type Served = Readonly<{
  store: Store
  usage: UsageBook & AuditTrail
  config: () => Config
  live: Live
}>

export const serveCommands = ({ store, usage, config, live }: Served): Promise<Server> =>
  serveControl(store.socket, {
    ...commandsOver(store, config, live),
    ...readingCommands(usage),
    ...routeCommands(live.house),
  })
