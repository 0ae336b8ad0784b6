import type { RefundEntry } from '../../domain/entry.ts'
import { Failure } from '../../domain/failure.ts'
import { micro } from '../../domain/money.ts'
import type { Refunded } from '../../ports/ledger.ts'
import type { UsageBook } from '../../ports/usage.ts'
import type { Books } from '../books.ts'
import type { Batch } from './batch.ts'
import type { PaidRequest } from './decide-correction.ts'

export type RefundNeeds = Readonly<{
  books: Pick<Books, 'refunds'>
  usage: Pick<UsageBook, 'request'>
}>

/** What can be given back, and who wants to hear of what was. */
export class Refunds {
  readonly #needs: RefundNeeds
  #listener: (refund: Refunded) => void = () => undefined

  constructor(needs: RefundNeeds) {
    this.#needs = needs
  }

  onRefunded(listener: (refund: Refunded) => void): void {
    this.#listener = listener
  }

  /** What was charged stands in the journal: kept in memory, it would grow with every request. */
  async paidFor(request: string): Promise<PaidRequest | undefined> {
    const known = this.#needs.books.refunds.get(request)
    const end = (await this.#recordsOf(request, known))?.end?.entry
    if (end?.kind !== 'settle') return known
    const { account, amount, at, key } = end
    const levels = end.levels?.map((one) => ({
      account: one.account,
      paid: micro(BigInt(one.amount)),
    }))
    return { account, paid: micro(BigInt(amount)), levels, charge: { at, key } }
  }

  /** Once it is on the disk, whoever waited for that. */
  async tell(batch: Batch, refund: RefundEntry, charge: PaidRequest['charge']): Promise<void> {
    await batch.landed.promise
    if (charge === undefined) return
    const shares = [refund, ...(refund.levels ?? [])].map(({ account, amount }) => ({
      ...{ account, amount: micro(BigInt(amount)) },
    }))
    this.#listener({ shares, key: charge.key, chargedAt: charge.at })
  }

  /** One that is known by an earlier refund can be refunded also when its records were moved away meanwhile. */
  async #recordsOf(request: string, known: PaidRequest | undefined) {
    try {
      return await this.#needs.usage.request(request)
    } catch (error) {
      const isAway = error instanceof Failure && error.code === 'not_found'
      if (known !== undefined && isAway) return undefined
      throw error
    }
  }
}
