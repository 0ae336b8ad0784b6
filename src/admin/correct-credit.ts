import type { CorrectionKind } from '../domain/correction.ts'
import type { CorrectionEntry, TransferLeg } from '../domain/entry.ts'
import { formatCredits, micro } from '../domain/money.ts'
import type { Registry } from '../ports/ledger.ts'
import type { Secrets } from '../ports/secrets.ts'
import { refusalOf } from './booking-refusal.ts'
import type { CorrectionWish } from './correction-request.ts'

type CorrectionCall = CorrectionWish & Readonly<{ by: string; idempotencyKey: string }>

type Corrected = Readonly<{ entry: CorrectionEntry; isRepeat: boolean }>

/** Grants, deducts, refunds, transfers and adjusts credit: each a single entry, made once per idempotency key. */
export type CreditCorrecting = Readonly<{ correct(call: CorrectionCall): Promise<Corrected> }>

type Needs = Readonly<{ registry: Registry; secrets: Pick<Secrets, 'newId'> }>

const ID_PREFIX = {
  credit: 'crd',
  debit: 'dbt',
  refund: 'rfd',
  transfer: 'trf',
  adjust: 'adj',
} as const satisfies Record<CorrectionKind, string>

export function creditCorrecting({ registry, secrets }: Needs): CreditCorrecting {
  return {
    async correct({ correction, ...act }) {
      const id = secrets.newId(ID_PREFIX[correction.kind])
      const booking = await registry.book(correction, { id, ...act })
      if (booking.kind !== 'booked') throw refusalOf(booking, 'amount')
      return booking
    },
  }
}

const credits = (amount: string): string => formatCredits(micro(BigInt(amount)))

/** The answer is made of the entry alone, so that a repeat gets the same one, also after a restart. */
export function correctionView(entry: CorrectionEntry) {
  const { ref: id, reason, by, at } = entry
  const amount = credits(entry.amount)
  const made = { reason, by, at: new Date(at).toISOString() }
  if (entry.kind === 'transfer') {
    const [from, to] = entry.legs
    return { id, kind: entry.kind, amount, from: leftWith(from), to: leftWith(to), ...made }
  }
  const request = entry.kind === 'refund' ? { request: entry.request } : {}
  return { id, kind: entry.kind, amount, ...leftWith(entry), ...request, ...made }
}

export type CorrectionView = ReturnType<typeof correctionView>

const leftWith = ({
  account,
  balance,
  held,
}: Pick<TransferLeg, 'account' | 'balance' | 'held'>) => ({
  ...{ account, balance: credits(balance), held: credits(held) },
})
