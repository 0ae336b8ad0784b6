import type { Entry, HoldEntry, ReleaseEntry, SettleEntry } from '../domain/entry.ts'
import { micro, type MicroCredits } from '../domain/money.ts'

/** How an answer came about: told where somebody asks for it, and nothing to the books. */
type Told = 'price' | 'stream' | 'attempts' | 'startedAt' | 'firstByteMs' | 'totalMs'

/** As it stands in the journal, or as what it says. */
export type Amount = string | MicroCredits

type Amounts = 'amount' | 'balance' | 'held' | 'cost' | 'input'
type Counted<E> = { readonly [Name in keyof E]: Name extends Amounts ? Amount : E[Name] }
type ProgressEntry = Extract<Entry, { kind: 'progress' }>

/** An entry as far as it moves the books or counts as usage: what replay needs of it. */
export type BookedEntry =
  | Exclude<Entry, HoldEntry | ProgressEntry | SettleEntry | ReleaseEntry>
  | Counted<HoldEntry | ProgressEntry>
  | Counted<Omit<SettleEntry, Told>>
  | Counted<Omit<ReleaseEntry, Told>>

export const amountIn = (amount: Amount): MicroCredits =>
  typeof amount === 'string' ? micro(BigInt(amount)) : amount
