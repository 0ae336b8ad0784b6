import { once } from 'node:events'
import { parentPort, type MessagePort } from 'node:worker_threads'
import type { LiveAccount } from './live-accounts.ts'
import { makeSnapshot } from './make-snapshot.ts'
import { lowMachine, unhurriedPace } from './pace.ts'
import { dbPaths } from './segments.ts'
import type { SnapshotDone, SnapshotWork } from './snapshotter.ts'
import { stowSealed } from './stow-sealed.ts'

if (parentPort !== null) await work(parentPort)

/** One snapshot after the other: whoever asks waits for its end. */
async function work(port: MessagePort): Promise<never> {
  for (;;) {
    const [asked] = (await once(port, 'message')) as [SnapshotWork]
    port.postMessage(await snapshot(asked, port))
  }
}

async function snapshot(asked: SnapshotWork, port: MessagePort): Promise<SnapshotDone> {
  const { dir, upTo, urgency, leftMs, archive } = asked
  const pace = unhurriedPace(urgency, leftMs, lowMachine(urgency))
  pace() // nothing is read and kept in memory before the first quiet moment
  const made = await makeSnapshot({ dir, upTo, pace, live: live(port) })
  if (made.kind !== 'made') return made
  const { covered } = made
  return { ...made, ...(await stowSealed(dbPaths(dir), { covered, archive, urgency, pace })) }
}

/** Asks for slice after slice; an empty one is the last. */
async function* live(port: MessagePort): AsyncGenerator<readonly LiveAccount[]> {
  for (;;) {
    const answer = once(port, 'message') as Promise<[readonly LiveAccount[]]>
    port.postMessage('next')
    const [slice] = await answer
    if (slice.length === 0) return
    yield slice
  }
}
