import type { Entry, ReleaseEntry, SettleEntry } from '../domain/entry.ts'

/** How an answer came about: told where somebody asks for it, and nothing to the books. */
type Told = 'price' | 'stream' | 'attempts' | 'startedAt' | 'firstByteMs' | 'totalMs'

/** An entry as far as it moves the books or counts as usage: what replay needs of it. */
export type BookedEntry =
  Exclude<Entry, SettleEntry | ReleaseEntry> | Omit<SettleEntry, Told> | Omit<ReleaseEntry, Told>
