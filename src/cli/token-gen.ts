import { parseArgs } from 'node:util'
import { durationMs } from '../admin/fields.ts'
import type { IssuedKeyView } from '../admin/issue-key-request.ts'
import { Failure } from '../domain/failure.ts'
import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load-config.ts'
import { formatProblem } from '../config/problem.ts'
import { exitCodeOf, runCommand } from '../wiring/run-command.ts'
import { tellFailure } from './tell-failure.ts'

const HELP = `node scripts/token-gen.js --type user --userName NAME --token CREDITS [options]
node scripts/token-gen.js --type admin [--role ROLE] [options]

Issues a key and prints it, once. A user key belongs to the account NAME, which is made if it is new; the credit is
added to what the account has. Works while the server runs (the key is live at once) and while it does not.

  --type user|admin     what the key is for: spending credit, or administering
  --role ROLE           of an admin key: viewer (reads), support (also issues and revokes keys of users), admin (all but
                        owners and admins), owner; admin if left out
  --userName NAME       the account of a user key; an admin key has none
  --token CREDITS       credit to add, such as 10000 or 0.5 (a user key's; 0 if left out)
  --tier TIER           the account's tier; a new account without one is "free"
  --models A,B          the only models that the key may use
  --expires WHEN        2027-01-31, 2027-01-31T12:00:00Z, or a time from now such as 12h, 30d, 8w
  --json                print {"key", "keyId", "role", "account", "tier", "credits"}
  --help                this text

Ends with 0 when it was done, with 1 when it was refused, and with 3 when the server stopped before it answered: then look
whether the account has the credit before you repeat it. It was done whole or not at all.
`

const OPTIONS = {
  type: { type: 'string' },
  role: { type: 'string' },
  userName: { type: 'string' },
  token: { type: 'string' },
  tier: { type: 'string' },
  models: { type: 'string' },
  expires: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** What the API calls by other names than the options do. */
const OPTION_OF: Readonly<Record<string, string>> = {
  ...{ type: '--type', role: '--role', account: '--userName', credits: '--token' },
  ...{ tier: '--tier', models: '--models', expires: '--expires' },
}

try {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) process.stdout.write(HELP)
  else await issue(values)
} catch (error) {
  tellFailure(error, exitCodeOf(error))
}

type Values = Partial<
  Record<'type' | 'role' | 'userName' | 'token' | 'tier' | 'models' | 'expires', string>
> & {
  json: boolean
}

async function issue(values: Values): Promise<void> {
  const loaded = loadConfig({ env: readEnvironment(process.env, diskFiles), files: diskFiles })
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  const issued = await issuedBy(loaded.config, wish(values))
  process.stdout.write(values.json ? `${JSON.stringify(issued)}\n` : text(issued))
}

async function issuedBy(config: Config, wished: object): Promise<IssuedKeyView> {
  try {
    return (await runCommand({ config }, 'issue-key', wished)) as IssuedKeyView
  } catch (error) {
    throw inOptions(error)
  }
}

function inOptions(error: unknown): unknown {
  const field = error instanceof Failure ? error.details.param : undefined
  const option = OPTION_OF[field ?? '']
  if (!(error instanceof Failure) || field === undefined || option === undefined) return error
  const { code, message, details } = error
  return new Failure(code, message.replace(`'${field}'`, option), { ...details, cause: error })
}

function wish({ type, role, userName, token, tier, models, expires }: Values): object {
  if (type === undefined) throw new Error('--type is missing: user or admin.')
  const after = expires === undefined ? undefined : durationMs(expires)
  const users = {
    account: userName,
    credits: token,
    tier,
    models: models?.split(',').map((model) => model.trim()),
  }
  return {
    ...{ type, role },
    ...users,
    expires: after === undefined ? expires : new Date(Date.now() + after).toISOString(),
  }
}

function text({ key, keyId, role, account, tier, credits }: IssuedKeyView): string {
  const rows =
    role !== 'user'
      ? [`Role:    ${role}`]
      : [`Account: ${account} (${tier})`, `Credits: ${credits}`]
  return [`Key (shown once; keep it): ${key}`, `Key id:  ${keyId}`, ...rows, ''].join('\n')
}
