import os from 'node:os'

/** Called every few microseconds by work in the background: it sleeps when it has worked long enough. */
export type Pace = () => void

/** What the owner of a background thread tells it through: 0 take your time, 1 hurry. */
export type Urgency = Int32Array<SharedArrayBuffer>

export const newUrgency = (): Urgency => new Int32Array(new SharedArrayBuffer(4))

export function hurry(urgency: Urgency): void {
  Atomics.store(urgency, 0, 1)
  Atomics.notify(urgency, 0)
}

export const isHurried = (urgency: Urgency): boolean => Atomics.load(urgency, 0) === 1

/**
 * A quarter of a core at most, and that only when nobody else wants it: without this, the second in which a thread
 * replays 64 MiB is a second in which requests have one core less.
 */
export function unhurriedPace(urgency: Urgency): Pace {
  if (process.platform === 'linux') os.setPriority(os.constants.priority.PRIORITY_LOW) // there, of this thread alone
  let since = performance.now()
  return () => {
    const worked = performance.now() - since
    if (worked < WORK_MS) return
    Atomics.wait(urgency, 0, 0, worked * REST_FACTOR)
    since = performance.now()
  }
}

const WORK_MS = 5
const REST_FACTOR = 3
