import { AlertSums } from './audit-alerts.ts'
import { VoucherSums } from './audit-vouchers.ts'
import { levelLines, refundedOf } from './audit-chains.ts'
import {
  MICRO_MAX,
  placeOf,
  plain,
  readAmount,
  type BooksText,
  type Item,
  type Line,
  type Place,
  type Report,
} from './audit-line.ts'

/**
 * What an audit adds up of corrections: which idempotency keys were used, and what was refunded of which request. Whether
 * a request was charged what its refunds say is found out in a second reading: remembering every charge would take
 * memory for each request, and few are ever refunded.
 */
export const CORRECTIONS = ['credit', 'debit', 'refund', 'transfer', 'adjust']

/** The same numbers as where the books are written, and a second time on purpose. */
const REPEAT_MS = 86_400_000
const REPEATS_MAX = 50_000

/** A key is its actor's own: two of them may choose the same. */
const callOf = (entry: Item, key: string): string => `${String(entry['by'])} ${key}`

/** What an entry does to the balance of an account, which its line or leg names. */
type Move = Readonly<{ line: Line; change: bigint }>
type Repeat = Readonly<{ at: number; fingerprint: string; text: string }>
type LevelClaim = Readonly<{ account: string; paid: bigint }>
type Claim = {
  request: string
  account: string
  paid: bigint
  refunded: bigint
  levels?: readonly LevelClaim[]
}

/** A10, and of A11 that transfers sum to zero and no more is given back than was paid. */
export class CorrectionSums {
  readonly #report: Report
  readonly #vouchers: VoucherSums
  readonly #alerts = new AlertSums()
  readonly #repeats = new Map<string, Repeat>()
  readonly #claims = new Map<string, Claim>()
  /** Where each claim stands for the first time, until a charge proves it. */
  readonly #unproven = new Map<string, Place>()

  constructor(report: Report) {
    this.#report = report
    this.#vouchers = new VoucherSums(report)
  }

  /** Goes on from books that somebody vouches for, refunds and all. */
  begin(books: BooksText): void {
    const { refunds = [], repeats = [] } = books
    this.#vouchers.begin(books)
    this.#alerts.begin(books)
    for (const { request, account, paid, refunded, levels } of refunds) {
      const above = levels?.map((one) => ({ ...one, paid: BigInt(one.paid) }))
      const amounts = { paid: BigInt(paid), refunded: BigInt(refunded) }
      const claim = { request, account, ...amounts, ...(above && { levels: above }) }
      this.#claims.set(request, claim)
    }
    for (const entry of repeats) {
      const { key, fingerprint } = entry.idempotency
      this.#repeats.set(callOf(entry, key), { at: entry.at, fingerprint, text: plain(entry) })
    }
  }

  /** Whether the entry is about codes, which move no credit by themselves. */
  note = (line: Line): boolean => this.#vouchers.enter(line) || this.#alerts.enter(line)

  enter(line: Line, at: Place): readonly Move[] {
    if (line.kind === 'credit') this.#vouchers.credit(line, at)
    this.#noteCall(line, at)
    if (line.kind === 'transfer') return this.#transfer(line, at)
    const least = line.kind === 'adjust' ? -MICRO_MAX : 0n
    const amount = this.#amount(line, at, { name: 'amount', least })
    if (line.kind === 'refund') this.#refund(line, amount, at)
    const above = levelLines(line).map((one) => ({
      line: one,
      change: this.#amount(one, at, { name: 'amount' }),
    }))
    return [{ line, change: line.kind === 'debit' ? -amount : amount }, ...above]
  }

  /** Refunds whose charges are to be looked for in a second reading. */
  get unproven(): number {
    return this.#unproven.size
  }

  /** In the second reading: a line that may be the charge of a refunded request. */
  prove(line: Line): void {
    const claim = this.#claims.get(line.ref)
    const place = this.#unproven.get(line.ref)
    if (claim === undefined || place === undefined || line.kind !== 'settle') return
    if (line.account !== claim.account || line.amount !== claim.paid.toString()) return
    const paid = line.levels?.map(({ account, amount }) => ({ account, paid: BigInt(amount) }))
    if (plain(paid ?? []) !== plain(claim.levels ?? [])) return
    if (line.seq < (place.seq ?? 0)) this.#unproven.delete(line.ref)
  }

  /** After the second reading. */
  end(): void {
    for (const [request, place] of this.#unproven)
      this.#report('A11', `${request} was not charged what its refund says`, place)
  }

  /** As a snapshot has it. */
  addItems(items: Map<string, string>): void {
    this.#vouchers.addItems(items)
    this.#alerts.addItems(items)
    for (const [call, { text }] of this.#repeats) items.set(`repeat ${call}`, text)
    for (const [request, claim] of this.#claims) items.set(`refund ${request}`, plain(claim))
  }

  #transfer(line: Line, at: Place): readonly Move[] {
    const amount = this.#amount(line, at, { name: 'amount' })
    const moves = (line.legs ?? []).map((leg) => {
      const one = { ...line, ...leg }
      return { line: one, change: this.#amount(one, at, { name: 'amount', least: -MICRO_MAX }) }
    })
    const [from = 0n, to = 0n, ...others] = moves.map(({ change }) => change)
    if (from !== -amount || to !== amount || others.length > 0)
      this.#report(
        'A11',
        `the legs of a transfer of ${amount} do not sum to zero`,
        placeOf(line, at),
      )
    return moves
  }

  #refund(line: Line, amount: bigint, at: Place): void {
    const { request, account } = line
    const place = placeOf(line, at)
    const paid = this.#amount(line, at, { name: 'paid' })
    const known = this.#claims.get(request)
    const levels = line.levels?.map((one) => ({
      account: one.account,
      paid: this.#amount({ ...line, ...one }, at, { name: 'paid' }),
    }))
    const claim = known ?? { request, account, paid, refunded: 0n, ...(levels && { levels }) }
    if (known === undefined) this.#unproven.set(request, place)
    this.#claims.set(request, claim)
    const before = claim.refunded
    claim.refunded += amount
    for (const [index, { amount: given }] of (line.levels ?? []).entries()) {
      const of = claim.levels?.[index]?.paid ?? 0n
      const [then, now] = [before, claim.refunded].map((sum) => refundedOf(of, paid, sum))
      if (given !== String((now ?? 0n) - (then ?? 0n)))
        this.#report('A19', `the accounts above ${account} get back another share`, place)
    }
    if (claim.refunded > paid)
      this.#report('A11', `${claim.refunded} refunded of ${paid} paid for ${request}`, place)
    if (claim.account !== account || claim.paid !== paid || plain(claim.levels) !== plain(levels))
      this.#report('A11', `${request} was refunded before as another charge`, place)
  }

  /** A10: while its key is remembered, a call makes no second entry. */
  #noteCall(line: Line, at: Place): void {
    const { idempotency, at: now } = line
    if (idempotency === undefined) return
    const { key, fingerprint } = idempotency
    const call = callOf(line, key)
    const known = this.#repeats.get(call)
    if (known !== undefined && known.at > now - REPEAT_MS) {
      const what = known.fingerprint === fingerprint ? 'the same call' : 'another call'
      this.#report('A10', `the idempotency key ${key} made ${what} before`, placeOf(line, at))
    }
    const { seq: _seq, crc: _crc, chain: _chain, batch: _batch, ...facts } = line
    this.#repeats.delete(call)
    this.#repeats.set(call, { at: now, fingerprint, text: plain(facts) })
    for (const [old, { at: then }] of this.#repeats) {
      if (this.#repeats.size <= REPEATS_MAX && then > now - REPEAT_MS) break
      this.#repeats.delete(old)
    }
  }

  /** A12. */
  #amount(
    line: Line,
    at: Place,
    { name, least }: { name: 'amount' | 'paid'; least?: bigint },
  ): bigint {
    const { amount, isRight } = readAmount(line[name], least)
    if (!isRight) this.#report('A12', `${name} is ${JSON.stringify(line[name])}`, placeOf(line, at))
    return amount
  }
}
