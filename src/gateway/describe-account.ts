import { Failure } from '../domain/failure.ts'
import type { KeyRecord } from '../domain/key.ts'
import type { AccountView } from '../ports/ledger.ts'
import { authenticate, type Credential } from './authenticate.ts'
import type { House } from './house.ts'

export type AccountDescription = Readonly<{ account: AccountView; key: KeyRecord }>

/** A key's own account. */
export function describeAccount(house: House, credential: Credential): AccountDescription {
  const key = authenticate(house, credential)
  const account = house.ledger.account(key.account)
  if (account === undefined) {
    throw new Failure('key_not_allowed', 'An admin key has no account of its own. Use a user key.')
  }
  return { account, key }
}
