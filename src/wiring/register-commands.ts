import { z } from 'zod'
import { accountChangeForm, accountQuery, newAccountForm } from '../admin/accounts.ts'
import { keyChangeForm, keyQuery, rotationForm } from '../admin/keys.ts'
import { paging } from '../admin/page.ts'
import { readInput } from '../admin/read-input.ts'
import { userForm } from '../admin/users.ts'
import { isObject } from '../domain/chat-request.ts'
import type { Config } from '../config/config.ts'
import type { Doer } from '../domain/actor.ts'
import type { Store } from '../store/lowdb/open-store.ts'
import { accountsFor, keysFor } from './books.ts'
import { usersFor } from './signing-in.ts'

/** Whoever can reach the data folder may do everything; the journal does not know them by name. */
export const CLI: Doer = { by: 'cli', role: 'owner' }

/** What is named first of a command, and the rest of it. */
export const named = (input: unknown, name: string): [string, object] => {
  const { [name]: value, ...rest } = isObject(input) ? input : {}
  return [readInput(z.object({ [name]: z.string() }), { [name]: value })[name] ?? '', rest]
}

const from = z.number().int().min(0).default(0)

/** Accounts and keys on the command line: the use cases of the admin API, with the same forms. */
export function registerCommands(store: Store, config: () => Config) {
  const accounts = accountsFor(store, config)
  const keys = keysFor(store, config)
  const users = usersFor(store)
  return {
    'list-accounts': (input: unknown) => {
      const {
        limit,
        from: at,
        ...query
      } = readInput(accountQuery.extend({ limit: paging.limit, from }), input)
      return Promise.resolve(accounts.list(query, { from: at, limit }))
    },
    'open-account': (input: unknown) => accounts.open(readInput(newAccountForm, input), CLI),
    'set-account': (input: unknown) => {
      const [account, change] = named(input, 'account')
      return accounts.change(account, readInput(accountChangeForm, change), CLI)
    },
    'list-keys': (input: unknown) => {
      const {
        limit,
        from: at,
        ...query
      } = readInput(keyQuery.extend({ limit: paging.limit, from }), input)
      return Promise.resolve(keys.list(query, { from: at, limit }))
    },
    'set-key': (input: unknown) => {
      const [key, change] = named(input, 'key')
      return keys.change(key, readInput(keyChangeForm, change), CLI)
    },
    'rotate-key': (input: unknown) => {
      const [key, rest] = named(input, 'key')
      return keys.rotate(key, readInput(rotationForm, rest).grace, CLI)
    },
    'list-users': () => Promise.resolve(users.list()),
    'set-user': (input: unknown) => {
      const [name, said] = named(input, 'name')
      return users.set(name, readInput(userForm, said), CLI)
    },
    'remove-user': (input: unknown) => users.remove(named(input, 'name')[0], CLI),
    'revoke-key': (input: unknown) => keys.revoke(named(input, 'key')[0], CLI),
  }
}
