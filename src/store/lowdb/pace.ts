import os from 'node:os'

/** Called every few microseconds by work in the background: it sleeps when it has worked long enough. */
export type Pace = () => void

/** What the owner of a background thread tells it through: 0 take your time, else hurry, or even leave what can wait. */
export type Urgency = Int32Array<SharedArrayBuffer>

export const newUrgency = (): Urgency => new Int32Array(new SharedArrayBuffer(4))

export function hurry(urgency: Urgency, how: 'hurry' | 'stop'): void {
  Atomics.or(urgency, 0, how === 'stop' ? STOP : HURRY)
  Atomics.notify(urgency, 0)
}

export const isStopping = (urgency: Urgency): boolean => (Atomics.load(urgency, 0) & STOP) !== 0

const HURRY = 1
const STOP = 2

/**
 * Spreads the work of a segment over the time in which the next one fills, at the lowest priority: without this, the
 * second in which a thread replays 64 MiB is a second in which requests have a core less.
 */
export function unhurriedPace(urgency: Urgency, fillMs: number): Pace {
  if (process.platform === 'linux') os.setPriority(os.constants.priority.PRIORITY_LOW) // there, of this thread alone
  const restFactor = Math.min(Math.max((0.7 * fillMs) / SEGMENT_WORK_MS - 1, 1), REST_FACTOR_MAX)
  let since = performance.now()
  return () => {
    const worked = performance.now() - since
    if (worked < WORK_MS) return
    Atomics.wait(urgency, 0, 0, worked * restFactor)
    since = performance.now()
  }
}

const WORK_MS = 5
/** Measured: 0.8 s to replay 64 MiB and to add up their usage, 0.2 s to pack them. */
const SEGMENT_WORK_MS = 1_200
/** A twentieth of a core: then a snapshot takes half a minute. */
const REST_FACTOR_MAX = 19
