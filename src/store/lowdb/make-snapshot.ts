import { firstDifference, type Difference, type LiveAccounts } from './live-accounts.ts'
import type { Pace } from './pace.ts'
import { replaySegments } from './recover.ts'
import { dbPaths } from './segments.ts'
import { findSnapshot, writeSnapshot } from './snapshot.ts'
import { SealedSums } from './usage/sealed-sums.ts'
import { removeLeftovers } from './write-whole.ts'

export type SnapshotTask = Readonly<{
  dir: string
  /** The last segment to be covered. */
  upTo: number
  live: LiveAccounts
  pace: Pace
}>

export type SnapshotMade =
  | Difference
  /** Both snapshots cover the segments up to here; `unsummed`: why the usage of one is not kept beside it. */
  | Readonly<{ kind: 'made'; covered: number; unsummed?: unknown }>

/**
 * Replays the sealed segments up to one of them on the snapshot that is there, and puts the next one in its place. A
 * replay that does not give what memory has is told instead, and no snapshot is made of it.
 */
export async function makeSnapshot(task: SnapshotTask): Promise<SnapshotMade> {
  const { dir, upTo, live, pace } = task
  const paths = dbPaths(dir)
  for (const folder of [dir, paths.journal]) removeLeftovers(folder)
  const before = await findSnapshot(paths)
  const witness = new SealedSums(paths, upTo)
  const replayed = replaySegments(paths, { snapshot: before?.snapshot, upTo, pace, witness })
  const difference = await firstDifference({ ...replayed, upTo }, live)
  if (difference !== undefined) return difference
  const unsummed = witness.keep()
  await writeSnapshot(paths, { ...replayed, segment: upTo, before })
  return { kind: 'made', covered: before?.snapshot.segment ?? 0, unsummed }
}
