import {
  placeOf,
  plain,
  type BooksText,
  type Item,
  type Line,
  type Place,
  type Report,
} from './audit-line.ts'

/** A21: a code gives its amount, once, in its time; an account is invited once, by another, and in no circle. */
export class VoucherSums {
  readonly #report: Report
  readonly #codes = new Map<string, Item>()
  readonly #invited = new Map<string, string>()

  constructor(report: Report) {
    this.#report = report
  }

  begin({ codes = [], invited = [] }: BooksText): void {
    for (const code of codes) this.#codes.set(code.id, code)
    for (const [one, by] of invited) this.#invited.set(one, by)
  }

  /** Whether the entry is about codes alone. */
  enter(line: Line): boolean {
    const { seq: _seq, crc: _crc, chain: _chain, batch: _batch, kind, ...facts } = line
    const { at, ref, ...code } = facts
    if (kind === 'code') this.#codes.set(ref, { id: ref, createdAt: at, ...code })
    else if (kind === 'code-revoked')
      this.#codes.set(ref, { ...this.#codes.get(ref), revokedAt: at })
    else return false
    return true
  }

  /** A credit that was given for a code, or for an invitation. */
  credit(line: Line, place: Place): void {
    const { code: id, invitedBy, invited } = line as Item
    if (typeof id === 'string') this.#redeem(id, line, place)
    if (typeof invitedBy === 'string') this.#invite(invitedBy, line, place)
    if (typeof invited === 'string' && this.#invited.get(invited) !== line.account)
      this.#find(`${line.account} did not invite ${invited}`, line, place)
  }

  addItems(items: Map<string, string>): void {
    for (const [id, code] of this.#codes) items.set(`code ${id}`, plain(code))
    for (const [one, by] of this.#invited) items.set(`invited ${one}`, plain(by))
  }

  #redeem(id: string, line: Line, place: Place): void {
    const code = this.#codes.get(id)
    const { redeemedAt, revokedAt, expiresAt = Infinity, amount } = code ?? {}
    if (redeemedAt !== undefined) this.#find(`the code ${id} was redeemed before`, line, place)
    if (revokedAt !== undefined || Number(expiresAt) <= line.at)
      this.#find(`the code ${id} was not good any more`, line, place)
    if (amount !== line.amount) this.#find(`the code ${id} is of another amount`, line, place)
    this.#codes.set(id, { ...code, redeemedAt: line.at, redeemedBy: line.account })
  }

  #invite(inviter: string, line: Line, place: Place): void {
    if (this.#invited.has(line.account))
      this.#find(`${line.account} was invited before`, line, place)
    for (let one: string | undefined = inviter; one !== undefined; one = this.#invited.get(one)) {
      if (one !== line.account) continue
      this.#find(`${line.account} is invited by itself`, line, place)
      return
    }
    this.#invited.set(line.account, inviter)
  }

  #find(what: string, line: Line, place: Place): void {
    this.#report('A21', what, placeOf(line, place))
  }
}
