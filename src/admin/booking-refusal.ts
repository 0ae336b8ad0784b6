import { available } from '../domain/account.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { formatCredits } from '../domain/money.ts'
import type { BookingRefusal } from '../ports/ledger.ts'

/** Why the books did not take a correction, in the operator's words; `param` is the field that names the amount. */
export function refusalOf(refusal: BookingRefusal, param: string): Failure {
  switch (refusal.kind) {
    case 'unknown_account':
      return new Failure('not_found', `There is no account '${refusal.account}'.`, {
        param: 'account',
      })
    case 'unknown_request':
      return new Failure(
        'not_found',
        'No charge has this request id. Take the id from the x-request-id of the answer or from the log; what was ' +
          'not charged needs no refund.',
        { param: 'request' },
      )
    case 'other_call':
      return new Failure(
        'idempotency_conflict',
        'This idempotency key was used within the last 24 hours for something else. Use a new one.',
        { param: 'Idempotency-Key' },
      )
    case 'short':
      return shortOf(refusal, param)
    case 'other_chain':
      return invalidRequest(
        `The credit of '${refusal.from}' and that of '${refusal.to}' are claims on different accounts above them. ` +
          'Deduct it from the one and grant it to the other, where whoever stands above agrees.',
        'to',
      )
    case 'above_paid':
      return invalidRequest(
        `${formatCredits(refusal.paid)} credits were paid for this request, of which ` +
          `${formatCredits(refusal.left)} are left to be refunded.`,
        param,
      )
    case 'out_of_range':
      return invalidRequest(
        `The balance of '${refusal.account}' would leave the range that is counted.`,
        param,
      )
  }
}

function shortOf(
  { account, credit }: Extract<BookingRefusal, { kind: 'short' }>,
  param: string,
): Failure {
  const free = formatCredits(available(credit))
  return new Failure(
    'insufficient_quota',
    `'${account}' has ${free} credits that are free (${formatCredits(credit.held)} are held for requests in flight). ` +
      'Take no more than that.',
    { param },
  )
}
