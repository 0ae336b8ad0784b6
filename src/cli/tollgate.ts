import { Failure } from '../domain/failure.ts'
import { accounts } from './accounts.ts'
import { exitCodeOf } from '../wiring/run-command.ts'
import { auditTrail } from './audit-trail.ts'
import { codes } from './codes.ts'
import { credits } from './credits.ts'
import { health } from './health.ts'
import { invitations } from './invitations.ts'
import { keys } from './keys.ts'
import { limits } from './limits.ts'
import { models } from './models.ts'
import { providers } from './providers.ts'
import { resellers } from './resellers.ts'
import { actionHelp, runAction, type Action, type Resource } from './resource.ts'
import { webhooks } from './webhooks.ts'
import { usage } from './usage.ts'
import { users } from './users.ts'

/** What can be operated: a file each. */
const RESOURCES: Readonly<Record<string, Resource>> = {
  accounts,
  keys,
  users,
  credits,
  limits,
  resellers,
  codes,
  invitations,
  providers,
  models,
  webhooks,
  usage,
  health,
  'audit-trail': auditTrail,
}

const [name = '', ...rest] = process.argv.slice(2)
try {
  await main()
} catch (error) {
  refuse(error)
}

async function main(): Promise<void> {
  const resource = Object.hasOwn(RESOURCES, name) ? RESOURCES[name] : undefined
  if (resource === undefined) {
    if (name !== '' && name !== '--help') throw new Error(`There is no '${name}'.`)
    process.stdout.write(overview())
    if (name === '') process.exitCode = 1
    return
  }
  // The action without a name is the resource's only one.
  const plain = resource.actions['']
  const [word = '', ...args] = plain === undefined ? rest : ['', ...rest]
  const action = Object.hasOwn(resource.actions, word) ? resource.actions[word] : undefined
  if (action !== undefined) return runOrHelp(action, args)
  if (word !== '' && word !== '--help') throw new Error(`${name} has no '${word}'.`)
  process.stdout.write(helpOf(name, resource))
  if (word === '') process.exitCode = 1
}

async function runOrHelp(action: Action, args: readonly string[]): Promise<void> {
  if (args.includes('--help')) process.stdout.write(actionHelp(action))
  else await runAction(action, args)
}

function refuse(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const { code, details } = error instanceof Failure ? error : { code: null, details: {} }
  const body = { error: { message, param: details.param ?? null, code } }
  const isJson = process.argv.includes('--json')
  process.stderr.write(isJson ? `${JSON.stringify(body)}\n` : `${message}\nSee --help.\n`)
  process.exitCode = exitCodeOf(error)
}

function helpOf(resource: string, { does, actions }: Resource): string {
  return `node scripts/tollgate.js ${resource} ACTION …\n\n${does}\n\n${listOf(actions)}
Each action has a --help of its own.\n`
}

function overview(): string {
  const resources = Object.entries(RESOURCES).map(
    ([resource, { does, actions }]) => `${resource}: ${does}\n${listOf(actions)}`,
  )
  return `node scripts/tollgate.js RESOURCE ACTION …

Operates the gateway from its own machine: through the running server, whose answers change at once, and where none
runs, on the data folder itself. Every RESOURCE and every ACTION has a --help of its own, and every ACTION takes --json.
Ends with 0 when it was done, with 1 when it was refused, and with 3 when the server stopped before it answered, so that
nobody knows; the reason is on standard error.

${resources.join('\n')}`
}

function listOf(actions: Resource['actions']): string {
  return Object.values(actions)
    .map(({ usage, does }) => `  ${usage}\n      ${does}\n`)
    .join('')
}
