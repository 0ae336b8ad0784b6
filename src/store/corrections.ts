import { addCredit, adjustCredit, takeCredit, type Credit } from '../domain/account.ts'
import { callName, REPEAT_MS, REPEATS_MAX } from '../domain/correction.ts'
import type { CorrectionEntry, RefundEntry, TransferEntry } from '../domain/entry.ts'
import { micro, minus, plus, ZERO } from '../domain/money.ts'
import { postVoucher } from './vouchers.ts'
import { accountOf, amountOf, Contradiction, moveCredit, type Books } from './books.ts'

type OneSided = Exclude<CorrectionEntry, TransferEntry>

/** What the account has after a correction, by the entries before it. */
export function correctedCredit(books: Books, entry: OneSided): Credit {
  const before = accountOf(books, entry.account).credit
  const amount = amountOf(entry)
  if (entry.kind === 'refund') checkRefund(books, entry)
  const after =
    entry.kind === 'debit'
      ? takeCredit(before, amount)
      : entry.kind === 'adjust'
        ? adjustCredit(before, amount)
        : addCredit(before, amount)
  if (after !== undefined) return after
  throw new Contradiction(`${entry.kind} ${entry.ref} is more than ${entry.account} allows`)
}

function checkRefund(books: Books, entry: RefundEntry): void {
  const { refunded } = books.refunds.get(entry.request) ?? { refunded: ZERO }
  if (plus(refunded, amountOf(entry)) <= BigInt(entry.paid)) return
  throw new Contradiction(`refund ${entry.ref} gives back more than was paid for ${entry.request}`)
}

/** Both legs by the entries before them; they are not posted yet. */
export function replayTransfer(books: Books, { ref, amount, legs }: TransferEntry): void {
  const [from, to] = legs
  const moved = micro(BigInt(amount))
  const isWhole = BigInt(from.amount) === minus(ZERO, moved) && BigInt(to.amount) === moved
  const left = takeCredit(accountOf(books, from.account).credit, moved)
  const grown = addCredit(accountOf(books, to.account).credit, moved)
  const agrees = (leg: { balance: string; held: string }, credit: Credit | undefined): boolean =>
    BigInt(leg.balance) === credit?.balance && BigInt(leg.held) === credit.held
  if (isWhole && from.account !== to.account && agrees(from, left) && agrees(to, grown)) return
  throw new Contradiction(`transfer ${ref} does not follow from the entries before it`)
}

/** Everything that a correction changes beside the credit of its one account. */
export function postCorrection(books: Books, entry: CorrectionEntry): void {
  if (entry.kind === 'transfer') {
    for (const { account, balance, held } of entry.legs) {
      const credit = { balance: micro(BigInt(balance)), held: micro(BigInt(held)) }
      moveCredit(books, account, credit)
    }
  }
  if (entry.kind === 'refund') postRefund(books, entry)
  postVoucher(books, entry)
  postRepeat(books, entry)
}

function postRefund(books: Books, entry: RefundEntry): void {
  const { request, account } = entry
  const known = books.refunds.get(request)
  if (known !== undefined) known.refunded = plus(known.refunded, amountOf(entry))
  else {
    const paid = micro(BigInt(entry.paid))
    const levels = entry.levels?.map((one) => ({
      account: one.account,
      paid: micro(BigInt(one.paid)),
    }))
    const state = { request, account, paid, refunded: amountOf(entry) }
    books.refunds.set(request, levels === undefined ? state : { ...state, levels })
  }
}

/** What is forgotten depends on the entries alone, so that replay forgets the same. */
function postRepeat({ repeats }: Books, entry: CorrectionEntry): void {
  if (entry.idempotency === undefined) return
  const call = callName(entry.by, entry.idempotency.key)
  repeats.delete(call)
  repeats.set(call, entry)
  for (const [old, { at }] of repeats) {
    if (repeats.size <= REPEATS_MAX && at > entry.at - REPEAT_MS) return
    repeats.delete(old)
  }
}
