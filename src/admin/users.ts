import { z } from 'zod'
import { OPERATOR } from '../domain/account.ts'
import type { Actor, Doer } from '../domain/actor.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { isStaff, STAFF_ROLES } from '../domain/role.ts'
import { USER_NAME, type UserRecord } from '../domain/user.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Passwords } from '../ports/passwords.ts'
import { accountName } from './fields.ts'

const PASSWORD_RULE = 'must have 12 to 256 characters, 6 of them different.'
const password = z
  .string({ error: PASSWORD_RULE })
  .min(12, PASSWORD_RULE)
  .max(256, PASSWORD_RULE)
  .refine((text) => new Set(text).size >= 6, PASSWORD_RULE)
  .meta({ description: 'At least 12 characters', format: 'password' })

const ROLE_RULE = `must be one of user, ${STAFF_ROLES.join(', ')}.`
/** Who may sign in: made, or changed as a whole. */
export const userForm = z.strictObject({
  role: z.enum(['user', ...STAFF_ROLES], { error: ROLE_RULE }),
  account: accountName.optional().meta({ description: 'Of a user: whose credit they spend' }),
  password,
})

type Needs = Readonly<{ registry: Registry; passwords: Passwords }>
export type Users = ReturnType<typeof userAdmin>

/** Those who sign in with a name and a password. There is none at first, and no password that anybody else chose. */
export function userAdmin({ registry, passwords }: Needs) {
  const found = (name: string): UserRecord => {
    const user = registry.user(name)
    if (user !== undefined) return user
    throw new Failure('not_found', 'There is no such user. GET /admin/users lists them.')
  }
  return {
    list: () => registry.users().map(userView),
    view: (name: string) => userView(found(name)),
    /** Made or changed: either way their sessions are over. */
    async set(name: string, said: z.output<typeof userForm>, { by }: Doer) {
      if (!USER_NAME.test(name))
        throw invalidRequest("'name' must be 1 to 64 letters, digits or ._@+-.", 'name')
      if (said.password.toLowerCase().includes(name.toLowerCase()) && name.length > 3)
        throw invalidRequest("'password' must not contain the name.", 'password')
      const account = accountFor(said, registry)
      const hash = await passwords.hash(said.password)
      await registry.setUser({ name, account, role: said.role, password: hash, by })
      return userView(found(name))
    },
    async remove(name: string, { by }: Doer) {
      const user = found(name)
      if (by === `user:${name}`)
        throw invalidRequest('Nobody removes themselves. Let another owner do it.')
      await registry.removeUser(name, by)
      return userView(user)
    },
  }
}

function accountFor({ role, account }: z.output<typeof userForm>, registry: Registry): string {
  if (isStaff(role)) {
    if (account === undefined) return OPERATOR
    throw invalidRequest("'account' is for users: the staff spends none.", 'account')
  }
  if (account === undefined) throw invalidRequest("'account' is missing.", 'account')
  if (registry.account(account) !== undefined) return account
  throw new Failure('not_found', `There is no account '${account}'.`, { param: 'account' })
}

const userView = ({ name, role, account, createdAt, changedAt }: UserRecord) => ({
  ...{ name, role, account: isStaff(role) ? null : account },
  created_at: new Date(createdAt).toISOString(),
  changed_at: new Date(changedAt).toISOString(),
})

/** A user who signed in, in the form of a key, which is what may spend. */
export function standInFor(user: UserRecord): Readonly<{ user: UserRecord; actor: Actor }> {
  const { name, account, role, createdAt } = user
  const by = `user:${name}`
  const key = { id: by, hash: '', hint: name, account, role, createdAt }
  return { user, actor: { by, role, key } }
}
