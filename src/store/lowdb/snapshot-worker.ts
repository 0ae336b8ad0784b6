import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { LiveAccount } from './live-accounts.ts'
import { makeSnapshot } from './make-snapshot.ts'
import { moveSealed } from './move-sealed.ts'
import { isStopping, unhurriedPace } from './pace.ts'
import { packSealed } from './pack-sealed.ts'
import { dbPaths } from './segments.ts'
import type { SnapshotWork } from './snapshotter.ts'

const { dir, upTo, urgency, fillMs, archive } = workerData as SnapshotWork
const paths = dbPaths(dir)
const pace = unhurriedPace(urgency, fillMs)
const made = await makeSnapshot({ dir, upTo, pace, live: live() })
const stowed = made.kind === 'made' ? await stow(made.covered) : {}
parentPort?.postMessage({ ...made, ...stowed })
parentPort?.close()

/** Packs and moves what both snapshots cover. A snapshot that was made is made, also when there is no room for that. */
async function stow(covered: number): Promise<{ kept?: unknown }> {
  try {
    packSealed(paths, { upTo: covered, pace, isEnough: () => isStopping(urgency) })
    if (archive === undefined || isStopping(urgency)) return {}
    await moveSealed(paths, { to: archive.to, before: Date.now() - archive.afterMs, pace })
    return {}
  } catch (kept) {
    return { kept }
  }
}

/** Asks for slice after slice; an empty one is the last. */
async function* live(): AsyncGenerator<readonly LiveAccount[]> {
  if (parentPort === null) return
  for (;;) {
    const answer = once(parentPort, 'message') as Promise<[readonly LiveAccount[]]>
    parentPort.postMessage('next')
    const [slice] = await answer
    if (slice.length === 0) return
    yield slice
  }
}
