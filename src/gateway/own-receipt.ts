import { Failure } from '../domain/failure.ts'
import { recordsOf } from '../domain/level-records.ts'
import { receiptOf, type Receipt } from '../domain/receipt.ts'
import type { UsageBook } from '../ports/usage.ts'
import type { Credential } from './authenticate.ts'
import { describeAccount } from './describe-account.ts'
import type { House } from './house.ts'

type Asked = Readonly<{ credential: Credential; requestId: string }>

/** The receipt of a request of the caller's account; another account's is as unknown as one that never was. */
export async function ownReceipt(
  house: House & Readonly<{ usage: UsageBook }>,
  { credential, requestId }: Asked,
): Promise<Receipt> {
  const { account } = describeAccount(house, credential)
  const records = await house.usage.request(requestId)
  const own = records && recordsOf(records, account.account)
  if (own !== undefined) return receiptOf(own)
  throw new Failure(
    'not_found',
    'There is no such request of your account. Give the x-request-id of an answer.',
  )
}
