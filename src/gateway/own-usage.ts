import {
  parseUsageQuery,
  type Dimension,
  type Parameters,
  type UsagePage,
  type UsagePosition,
  type UsageQuery,
} from '../domain/usage-query.ts'
import type { UsageBook } from '../ports/usage.ts'
import type { Credential } from './authenticate.ts'
import { describeAccount } from './describe-account.ts'
import type { House } from './house.ts'

type Asked = Readonly<{
  credential: Credential
  parameters: Parameters
  position: UsagePosition | undefined
}>

/** Which deployment answered is the operator's business. */
const OWN_DIMENSIONS: readonly Dimension[] = [
  'day',
  'hour',
  'sub_account',
  'key',
  'model',
  'outcome',
]

/** The usage of the caller's account, under all of its keys, in the days of its time zone. */
export async function ownUsage(
  house: House & Readonly<{ usage: UsageBook }>,
  { credential, parameters, position }: Asked,
): Promise<{ query: UsageQuery; page: UsagePage }> {
  const { account } = describeAccount(house, credential)
  const { timeZone } = account
  const asking = { nowMs: house.clock.nowMs(), timeZone, dimensions: OWN_DIMENSIONS }
  const asked = parseUsageQuery(parameters, asking, position)
  const query = { ...asked, only: { ...asked.only, account: account.account } }
  return { query, page: await house.usage.sum(query) }
}
