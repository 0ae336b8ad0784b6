import type { CodeEntry, CodeRecord, CodeRevokedEntry } from '../domain/code.ts'
import type { CorrectionEntry } from '../domain/entry.ts'
import { Contradiction, type Books } from './books.ts'

/** Applies an entry about codes, live and in replay alike. */
export function postCode(books: Books, entry: CodeEntry | CodeRevokedEntry): void {
  if (entry.kind === 'code') {
    const { kind: _kind, at: createdAt, ref: id, ...code } = entry
    keepCode(books, { id, createdAt, ...code })
    return
  }
  keepCode(books, { ...codeOf(books, entry.ref), revokedAt: entry.at })
}

/** What a credit was given for can be had once. */
export function postVoucher(books: Books, entry: CorrectionEntry): void {
  if (entry.kind !== 'credit') return
  const { code: id, invitedBy, account, at } = entry
  if (invitedBy !== undefined) {
    if (books.invited.has(account)) throw new Contradiction(`${account} was invited before`)
    books.invited.set(account, invitedBy)
  }
  if (id === undefined) return
  const code = codeOf(books, id)
  if (code.redeemedAt !== undefined || code.amount !== entry.amount)
    throw new Contradiction(`${entry.ref} redeems ${id}, which is used or of another amount`)
  keepCode(books, { ...code, redeemedAt: at, redeemedBy: account })
}

export function keepCode({ codes, codesByHash }: Books, code: CodeRecord): void {
  codes.set(code.id, code)
  codesByHash.set(code.hash, code.id)
}

function codeOf({ codes }: Books, id: string): CodeRecord {
  const code = codes.get(id)
  if (code === undefined) throw new Contradiction(`names the unknown code ${id}`)
  return code
}
