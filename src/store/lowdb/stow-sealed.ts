import { moveSealed } from './move-sealed.ts'
import { isStopping, type Pace } from './pace.ts'
import { packSealed } from './pack-sealed.ts'
import type { DbPaths } from './segments.ts'
import type { SnapshotWork } from './snapshotter.ts'

type Stowing = Pick<SnapshotWork, 'archive' | 'urgency'> & Readonly<{ covered: number; pace: Pace }>

/** Packs and moves what both snapshots cover. A snapshot that was made is made, also when there is no room for that. */
export async function stowSealed(
  paths: DbPaths,
  { covered, archive, urgency, pace }: Stowing,
): Promise<{ kept?: unknown }> {
  try {
    packSealed(paths, { upTo: covered, pace, isEnough: () => isStopping(urgency) })
    if (archive === undefined || isStopping(urgency)) return {}
    await moveSealed(paths, { to: archive.to, before: Date.now() - archive.afterMs, pace })
    return {}
  } catch (kept) {
    return { kept }
  }
}
