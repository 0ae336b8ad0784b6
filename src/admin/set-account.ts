import { isObject } from '../domain/chat-request.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { isTimeZone } from '../domain/time-zone.ts'
import type { AccountView, Registry } from '../ports/ledger.ts'

/** What operators set on an account, other than its credit. */
export type AccountChange = Readonly<{ timeZone: string }>

const FIELDS = ['time_zone']

/** Reads the change from JSON: the body of PATCH /admin/accounts/{account} and what the command line sends are the same. */
export function parseAccountChange(body: unknown): AccountChange {
  if (!isObject(body)) throw invalidRequest('Send a JSON object.')
  for (const name of Object.keys(body)) {
    if (!FIELDS.includes(name))
      throw invalidRequest(`There is no field '${name}'. Fields: ${FIELDS.join(', ')}.`, name)
  }
  const timeZone = body['time_zone']
  if (typeof timeZone === 'string' && isTimeZone(timeZone)) return { timeZone }
  throw invalidRequest(
    "'time_zone' must be a name of the time zone database, such as Europe/Berlin or UTC.",
    'time_zone',
  )
}

/** The same with the account's name in it: what the command line sends. */
export function parseAccountCommand(input: unknown): AccountChange & { account: string } {
  const { account, ...change } = isObject(input) ? input : {}
  if (typeof account !== 'string') throw invalidRequest("'account' is missing.", 'account')
  return { account, ...parseAccountChange(change) }
}

export type AccountSetting = Readonly<{
  /** `by`: who did it, for the audit trail. */
  set(account: string, change: AccountChange, by: string): Promise<AccountView>
}>

/** Changes an account, and answers what it is now. */
export function accountSetting({ registry }: Readonly<{ registry: Registry }>): AccountSetting {
  return {
    async set(id, { timeZone }, by) {
      const account = registry.account(id)
      if (account === undefined) throw accountNotFound()
      await registry.setAccount(id, { timeZone }, by)
      return { ...account, timeZone }
    },
  }
}

const accountNotFound = (): Failure =>
  new Failure('not_found', 'There is no such account.', { param: 'account' })

export const accountSettings = ({ account, tier, timeZone }: AccountView) => ({
  account,
  tier,
  time_zone: timeZone,
})
