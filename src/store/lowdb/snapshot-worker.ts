import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { LiveAccount } from './live-accounts.ts'
import { makeSnapshot } from './make-snapshot.ts'
import { unhurriedPace } from './pace.ts'
import { dbPaths } from './segments.ts'
import type { SnapshotWork } from './snapshotter.ts'
import { stowSealed } from './stow-sealed.ts'

const { dir, upTo, urgency, fillMs, archive } = workerData as SnapshotWork
const pace = unhurriedPace(urgency, fillMs)
const made = await makeSnapshot({ dir, upTo, pace, live: live() })
const stowed =
  made.kind === 'made'
    ? await stowSealed(dbPaths(dir), { covered: made.covered, archive, urgency, pace })
    : {}
parentPort?.postMessage({ ...made, ...stowed })
parentPort?.close()

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
