import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { LiveAccount } from './live-accounts.ts'
import { makeSnapshot, type SnapshotMade } from './make-snapshot.ts'
import { isHurried, unhurriedPace } from './pace.ts'
import { packSealed } from './pack-sealed.ts'
import { dbPaths } from './segments.ts'
import type { SnapshotWork } from './snapshotter.ts'

const { dir, upTo, urgency, fillMs } = workerData as SnapshotWork
const pace = unhurriedPace(urgency, fillMs)
const made = await makeSnapshot({ dir, upTo, pace, live: live() })
parentPort?.postMessage(made.kind === 'made' ? { ...made, ...packed(made) } : made)
parentPort?.close()

/** A snapshot that was made is made, also when there is no room to pack what it covers. */
function packed({ covered }: SnapshotMade & { kind: 'made' }): { unpacked?: unknown } {
  try {
    packSealed(dbPaths(dir), { upTo: covered, pace, isEnough: () => isHurried(urgency) })
    return {}
  } catch (unpacked) {
    return { unpacked }
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
