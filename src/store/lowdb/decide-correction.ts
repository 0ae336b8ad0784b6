import { addCredit, adjustCredit, takeCredit, type Credit } from '../../domain/account.ts'
import type { BalanceCorrection, Correction, TransferCorrection } from '../../domain/correction.ts'
import type { CorrectionEntry, Idempotency, RefundLevel } from '../../domain/entry.ts'
import { minus, plus, ZERO, type MicroCredits } from '../../domain/money.ts'
import { refundShare } from '../../domain/reseller.ts'
import type { BookingRefusal } from '../../ports/ledger.ts'
import type { Books } from '../books.ts'
import { moved } from './entries.ts'

/** `credit` is what the entry leaves its account with; a transfer says that in its legs. */
export type Decision =
  { kind: 'entry'; entry: CorrectionEntry; credit: Credit | undefined } | BookingRefusal

/** A charge as the journal has it. */
export type PaidRequest = Readonly<{
  account: string
  paid: MicroCredits
  /** What those above a sub-account paid for the same request. */
  levels?: readonly Readonly<{ account: string; paid: MicroCredits }>[] | undefined
  /** When, and by whose key; undefined where that cannot be read any more. */
  charge?: Readonly<{ at: number; key: string }>
}>

type CorrectionHead = Readonly<{
  at: number
  ref: string
  by: string
  reason: string
  idempotency?: Idempotency
}>

type Deciding = Readonly<{ correction: Correction; head: CorrectionHead; paid?: PaidRequest }>

/** Decides against the books what a correction does to them, and changes nothing. */
export function decideCorrection(books: Books, { correction, head, paid }: Deciding): Decision {
  switch (correction.kind) {
    case 'refund':
      return paid === undefined
        ? { kind: 'unknown_request' }
        : decideRefund(books, { ...correction, ...paid, head })
    case 'transfer':
      return decideTransfer(books, correction, head)
    case 'credit':
    case 'debit':
    case 'adjust':
      return decideBalance(books, correction, head)
  }
}

function decideBalance(
  books: Books,
  { kind, account, amount }: BalanceCorrection,
  head: CorrectionHead,
): Decision {
  const before = books.accounts.get(account)?.credit
  if (before === undefined) return { kind: 'unknown_account', account }
  const change = kind === 'debit' ? minus(ZERO, amount) : amount
  const credit = adjustCredit(before, change)
  if (credit === undefined)
    return change < 0n
      ? { kind: 'short', account, credit: before }
      : { kind: 'out_of_range', account }
  return { kind: 'entry', entry: { kind, account, ...moved(amount, credit), ...head }, credit }
}

type RefundDecision = PaidRequest &
  Readonly<{ request: string; amount: MicroCredits | undefined; head: CorrectionHead }>

function decideRefund(
  books: Books,
  { request, account, paid, levels = [], amount, head }: RefundDecision,
): Decision {
  const refunded = books.refunds.get(request)?.refunded ?? ZERO
  const left = minus(paid, refunded)
  const given = amount ?? left
  if (given > left || given === 0n) return { kind: 'above_paid', paid, left }
  const before = books.accounts.get(account)?.credit
  if (before === undefined) return { kind: 'unknown_account', account }
  const credit = addCredit(before, given)
  if (credit === undefined) return { kind: 'out_of_range', account }
  const charge = { request, paid: paid.toString() }
  const above = refundAbove(books, { levels, paid, refunded, given })
  if (above === undefined) return { kind: 'out_of_range', account }
  const entry = {
    ...({ kind: 'refund', account, ...moved(given, credit), ...charge } as const),
    ...(above.length > 0 && { levels: above }),
    ...head,
  }
  return { kind: 'entry', entry, credit }
}

type Sharing = Readonly<{
  levels: NonNullable<PaidRequest['levels']>
  paid: MicroCredits
  refunded: MicroCredits
  given: MicroCredits
}>

/** Each account above gets back the share of what it paid that the sub-account gets back of its own; undefined where one cannot. */
function refundAbove(
  books: Books,
  { levels, paid, refunded, given }: Sharing,
): readonly RefundLevel[] | undefined {
  const entries: RefundLevel[] = []
  for (const { account, paid: levelPaid } of levels) {
    const before = books.accounts.get(account)?.credit
    const [then, now] = [refunded, plus(refunded, given)].map((sum) =>
      refundShare({ paid, refunded: sum }, levelPaid),
    )
    const share = minus(now ?? ZERO, then ?? ZERO)
    const credit = before && addCredit(before, share)
    if (credit === undefined) return undefined
    entries.push({ account, paid: levelPaid.toString(), ...moved(share, credit) })
  }
  return entries
}

function decideTransfer(
  books: Books,
  { from, to, amount }: TransferCorrection,
  head: CorrectionHead,
): Decision {
  const [source, target] = [books.accounts.get(from), books.accounts.get(to)]
  if (source === undefined) return { kind: 'unknown_account', account: from }
  if (target === undefined) return { kind: 'unknown_account', account: to }
  if (source.parent !== target.parent) return { kind: 'other_chain', from, to }
  const left = takeCredit(source.credit, amount)
  if (left === undefined) return { kind: 'short', account: from, credit: source.credit }
  const grown = addCredit(target.credit, amount)
  if (grown === undefined) return { kind: 'out_of_range', account: to }
  const legs = [
    { account: from, ...moved(minus(ZERO, amount), left) },
    { account: to, ...moved(amount, grown) },
  ] as const
  const entry = { kind: 'transfer', amount: amount.toString(), legs, ...head } as const
  return { kind: 'entry', entry, credit: undefined }
}
