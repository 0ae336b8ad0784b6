import type { Disk, NodeDisk } from './disk.ts'

/** What a crowd's entries take; more is laid by another thread. */
const BYTES_MAX = 128 * 1024

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
        try {
          return disk.appendNow(fd, bytes, offset)
        } finally {
          pace.stoodStill(begun, ticksMs())
        }
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

const RECENT_WRITES = 256
/** More than this on average, and the way to another thread and back is the lesser evil. */
const BRISK_MS_MAX = 0.5
/** So a slow disk holds the others up for a small part of the time. */
const REST_FACTOR = 30

/** Whether the disk is quick, by its last writes, and again after a rest where it was slow. */
class Pace {
  /** What the last writes took together. */
  #recentMs = 0
  #slowUntil = -Infinity

  isBrisk(now: number): boolean {
    return now >= this.#slowUntil
  }

  stoodStill(since: number, now: number): void {
    this.#recentMs += now - since - this.#recentMs / RECENT_WRITES
    if (this.#recentMs <= RECENT_WRITES * BRISK_MS_MAX) return
    this.#slowUntil = now + REST_FACTOR * this.#recentMs
    this.#recentMs = 0
  }
}
