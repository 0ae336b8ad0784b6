import type { AccountState, Books } from '../books.ts'
import type { Position } from './record.ts'

/** What memory says of an account, for a thread that has only the journal. */
export type LiveAccount = Readonly<{ id: string; balance: bigint; held: bigint; movedIn: number }>

/** Some accounts at a time, so that no request waits while there are a hundred thousand of them. */
export type LiveAccounts = AsyncIterable<readonly LiveAccount[]> | Iterable<readonly LiveAccount[]>

export type Difference = Readonly<{
  kind: 'differs'
  account: string
  seq: number
  live: string
  journal: string
}>

const SLICE = 500

export function* slicesOf(accounts: ReadonlyMap<string, AccountState>): Generator<LiveAccount[]> {
  let slice: LiveAccount[] = []
  for (const { id, credit, movedIn } of accounts.values()) {
    slice.push({ id, balance: credit.balance, held: credit.held, movedIn })
    if (slice.length < SLICE) continue
    yield slice
    slice = []
  }
  yield slice
}

/**
 * Compares replayed books with what memory says now. An account whose credit has moved since the replayed segments is
 * left out: the entries that moved it say what memory had, and the next replay checks them.
 */
export async function firstDifference(
  { books, upTo, position }: { books: Books; upTo: number; position: Position },
  live: LiveAccounts,
): Promise<Difference | undefined> {
  const unseen = new Set(books.accounts.keys())
  const difference = (account: string, memory: LiveAccount | undefined): Difference => ({
    ...{
      kind: 'differs',
      account,
      seq: position.seq,
      live: memory === undefined ? 'absent' : said(memory),
    },
    journal: saidOf(books.accounts.get(account)),
  })
  for await (const slice of live) {
    for (const one of slice) {
      unseen.delete(one.id)
      if (one.movedIn > upTo) continue
      if (said(one) !== saidOf(books.accounts.get(one.id))) return difference(one.id, one)
    }
  }
  const [lost] = unseen
  return lost === undefined ? undefined : difference(lost, undefined)
}

const said = ({ balance, held }: { balance: bigint; held: bigint }): string =>
  `balance ${balance}, held ${held}`

const saidOf = (account: AccountState | undefined): string =>
  account === undefined ? 'absent' : said(account.credit)
