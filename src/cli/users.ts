import fs from 'node:fs'
import { randomBytes } from 'node:crypto'
import type { Users } from '../admin/users.ts'
import type { Resource } from './resource.ts'
import { table } from './table.ts'

type UserJson = ReturnType<Users['view']>
const STDIN = 0

export const users: Resource = {
  does: 'people who sign in with a name and a password; at first there is none',
  actions: {
    list: {
      usage: 'users list',
      does: 'Lists those who may sign in.',
      options: {},
      words: [],
      needed: 0,
      async run(_given, ask) {
        const all = (await ask('list-users', {})) as readonly UserJson[]
        return { json: all, text: listed(all) }
      },
    },
    set: {
      usage: 'users set NAME --role ROLE [--account ACCOUNT] [--password-file FILE]',
      does: `Makes a user, or gives one another role, account or password; their sessions end. Without a file a password is
made and shown once.`,
      options: {
        role: { value: 'ROLE', does: 'user, viewer, support, admin or owner' },
        account: { value: 'ACCOUNT', does: 'of a user: whose credit they spend' },
        'password-file': {
          value: 'FILE',
          does: 'where the password stands; - reads what is piped in',
        },
      },
      words: ['name'],
      needed: 1,
      async run({ name, role, account, 'password-file': file }, ask) {
        const made = file === undefined ? randomBytes(18).toString('base64url') : undefined
        const password =
          made ?? fs.readFileSync(file === '-' ? STDIN : (file ?? ''), 'utf8').trimEnd()
        const said = { name, role, ...(account !== undefined && { account }), password }
        const user = (await ask('set-user', said)) as UserJson
        const shown = made === undefined ? '' : `Password (shown once; keep it): ${made}\n`
        const json = made === undefined ? user : { ...user, password: made }
        return { json, text: shown + listed([user]) }
      },
    },
    remove: {
      usage: 'users remove NAME',
      does: 'Removes a user, and ends their sessions.',
      options: {},
      words: ['name'],
      needed: 1,
      question: ({ name }) => `Remove the user ${name}?`,
      async run({ name }, ask) {
        const user = (await ask('remove-user', { name })) as UserJson
        return { json: user, text: `${user.name} is removed.\n` }
      },
    },
  },
}

const listed = (all: readonly UserJson[]): string =>
  table(
    ['NAME', 'ROLE', 'ACCOUNT', 'CHANGED'],
    all.map(({ name, role, account, changed_at }) => [name, role, account ?? '', changed_at]),
  )
