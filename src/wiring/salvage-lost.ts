import fs from 'node:fs'
import type { Line } from '../store/audit-line.ts'
import { eachLine, isUnpackable, type SegmentOnDisk } from './audit-lines.ts'
import type { BooksOnDisk } from './audit-walk.ts'
import type { RunEnd } from './salvage.ts'

/** What a salvaged copy does not have: told whole, because somebody has to make up for it. */
export type Lost = Readonly<{
  /** The first seq that is lost and the last that is known of; absent when none is lost. */
  seqs?: readonly [first: number, last: number]
  bytes: number
  /** Lines that can still be read in the damaged folder, and those that cannot: a broken packed segment is one. */
  readable: number
  unreadable: number
  /** Accounts with entries among the readable ones, and the last balance that these claim. */
  accounts: readonly LostAccount[]
  /** Segments whose entries are only in the books that the copy begins with. */
  history: readonly number[]
}>

type LostAccount = { account: string; records: number; balance?: string }

const ACCOUNTS_MAX = 1_000

type Kept = Readonly<{ kept: readonly SegmentOnDisk[]; end: RunEnd }>

export function scanLost(books: BooksOnDisk, { kept, end }: Kept): Lost {
  const first = kept[0]?.segment ?? end.segment + 1
  const history = books.segments.map(({ segment }) => segment).filter((segment) => segment < first)
  const accounts = new Map<string, LostAccount>()
  const sum = { bytes: 0, readable: 0, unreadable: 0, last: books.head?.seq ?? 0 }
  for (const { segment, file } of books.segments) {
    if (segment < end.segment || history.includes(segment)) continue
    const from = segment === end.segment ? end.offset : 0
    const note = (bytes: Buffer, offset: number) => {
      if (offset < from || bytes.length === 0) return true
      sum.bytes += bytes.length + 1
      const line = readLine(bytes)
      if (line === undefined) sum.unreadable++
      else {
        sum.readable++
        sum.last = Math.max(sum.last, line.seq)
        if (line.account) noteAccount(accounts, line)
      }
      return true
    }
    try {
      const { rest, offset } = eachLine(file, { onBytes: () => undefined, onLine: note })
      note(rest, offset)
    } catch (error) {
      if (!isUnpackable(error)) throw error
      sum.bytes += fs.statSync(file).size
      sum.unreadable++
    }
  }
  const { bytes, readable, unreadable, last } = sum
  return {
    ...(last > end.seq && { seqs: [end.seq + 1, last] as const }),
    ...{ bytes, readable, unreadable, accounts: [...accounts.values()], history },
  }
}

function noteAccount(accounts: Map<string, LostAccount>, line: Line): void {
  const known = accounts.get(line.account) ?? { account: line.account, records: 0 }
  known.records++
  if (typeof line.balance === 'string') known.balance = line.balance
  if (accounts.size < ACCOUNTS_MAX) accounts.set(line.account, known)
}

function readLine(bytes: Buffer): Line | undefined {
  try {
    const line = JSON.parse(bytes.toString()) as Line
    return Number.isSafeInteger(line.seq) ? line : undefined
  } catch {
    return undefined // counted as unreadable
  }
}
