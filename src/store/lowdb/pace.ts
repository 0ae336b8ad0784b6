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

/** The thread that works, and the process around it. */
export type Machine = Readonly<{
  nowMs: () => number
  /** The processor time that the process has used, all its threads together. */
  usedMs: () => number
  sleep: (ms: number) => void
}>

/** At the lowest priority, of this thread alone: for one that does nothing else. */
export function lowMachine(urgency: Urgency): Machine {
  if (process.platform === 'linux') os.setPriority(os.constants.priority.PRIORITY_LOW)
  return {
    nowMs: () => performance.now(),
    usedMs() {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    },
    sleep: (ms) => void Atomics.wait(urgency, 0, 0, ms),
  }
}

/**
 * Works while the rest of the process is quiet: a second of it beside requests that want the whole core is a second that
 * they pay for. Where no quiet moment comes for up to half of the time that is likely left, the work is spread over the
 * rest of it, or the next full segment would find it unfinished.
 */
export function unhurriedPace(urgency: Urgency, leftMs: number, machine: Machine): Pace {
  const { nowMs, usedMs, sleep } = machine
  const patienceMs = Math.min(leftMs / 2, 0.9 * leftMs - 2 * SEGMENT_WORK_MS, PATIENCE_MS_MAX)
  const patientUntil = nowMs() + patienceMs
  const lateFactor = Math.min(Math.max((0.4 * leftMs) / SEGMENT_WORK_MS - 1, 1), REST_FACTOR_MAX)
  const isPatient = (): boolean => nowMs() < patientUntil && Atomics.load(urgency, 0) === 0
  /** Whether the others were quiet meanwhile: this thread has used nothing itself. */
  const rest = (ms: number): boolean => {
    const [begun, used] = [nowMs(), usedMs()]
    sleep(ms)
    return usedMs() - used < QUIET_SHARE * (nowMs() - begun)
  }
  let since = nowMs() - WORK_MS // at first it only waits
  return () => {
    const worked = nowMs() - since
    if (worked < WORK_MS) return
    let isQuiet = rest(worked * (isPatient() ? QUIET_FACTOR : lateFactor))
    while (!isQuiet && isPatient()) isQuiet = rest(LOOK_MS)
    since = nowMs()
  }
}

const WORK_MS = 5
/** A quarter of a core. */
const QUIET_FACTOR = 3
/** Of a core: others that use less are quiet. */
const QUIET_SHARE = 0.5
const LOOK_MS = 50
const PATIENCE_MS_MAX = 60_000
/** Measured: 0.8 s to replay 64 MiB and to add up their usage, 0.2 s to pack them. */
const SEGMENT_WORK_MS = 1_200
/** A twentieth of a core. */
const REST_FACTOR_MAX = 19
