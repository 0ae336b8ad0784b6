import type { Disk, NodeDisk } from './disk.ts'

/** What a crowd's entries take; more is laid by another thread. */
const BYTES_MAX = 128 * 1024
/** What the way to another thread and back takes of a core: a disk that is slower is not waited for. */
const BRISK_MS_MAX = 0.3
const RECENT = 16
/** Every disk takes a few milliseconds now and then: a single such write says no more about it than this. */
const HICCUP_MS = 1
/** One write of so many is enough. */
const STALL_MS = 25
/** How long it has no other chance; twice as long each time it was slow from the start. */
const REST_MS = 1_000
const REST_MS_MAX = 60_000

/**
 * A quick disk is waited for here and now: the way to another thread and back takes longer than the write itself, and
 * three times its processor time. A slow one is not, nor any while there is somebody who does not wait for it anyway.
 */
export function promptDisk(disk: NodeDisk, { mayWait, ticksMs }: Patience): Disk {
  const pace = new Pace()
  let underway = 0
  const landed = (): void => {
    underway--
  }
  return {
    ...disk,
    append(fd, bytes, offset) {
      const begun = ticksMs()
      // The system has one write after the other: behind one that is underway the wait would be for both.
      if (underway === 0 && bytes.byteLength <= BYTES_MAX && mayWait() && pace.isBrisk(begun)) {
        const count = disk.appendNow(fd, bytes, offset)
        pace.took(ticksMs() - begun, begun)
        return count
      }
      underway++
      const writing = disk.append(fd, bytes, offset)
      writing.then(landed, landed)
      return writing
    },
  }
}

export type Patience = Readonly<{
  /** Whether nobody minds if nothing else happens meanwhile. */
  mayWait: () => boolean
  ticksMs: () => number
}>

/** How long it lets wait: judged by its last few writes, and again after a while where it was slow. */
class Pace {
  #ms = 0
  #writes = 0
  #restMs = REST_MS
  #slowUntil = -Infinity

  isBrisk(now: number): boolean {
    return now >= this.#slowUntil
  }

  took(ms: number, now: number): void {
    this.#writes++
    this.#ms += (Math.min(ms, HICCUP_MS) - this.#ms) / RECENT
    if (this.#ms <= BRISK_MS_MAX && ms < STALL_MS) return
    if (this.#writes > 2 * RECENT) this.#restMs = REST_MS
    this.#slowUntil = now + this.#restMs
    this.#restMs = Math.min(2 * this.#restMs, REST_MS_MAX)
    this.#ms = 0
    this.#writes = 0
  }
}
