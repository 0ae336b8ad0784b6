import type { Disk } from './disk.ts'

export type WriteWatch = Readonly<{
  wrote: (bytes: number, ms: number) => void
  failed: (error: unknown) => void
}>

/**
 * Tells how long the journal's writes take. There is one at a time, so nothing is made for each but the promise that
 * tells; the zeros that are laid ahead are no entries, and nobody waits for them.
 */
export function measuredDisk(disk: Disk, { wrote, failed }: WriteWatch): Disk {
  let begun = 0
  const tell = (bytes: number): void => {
    wrote(bytes, performance.now() - begun)
  }
  return {
    ...disk,
    append(fd, bytes, offset) {
      if (bytes[0] === 0) return disk.append(fd, bytes, offset)
      begun = performance.now()
      const writing = tried(() => disk.append(fd, bytes, offset), failed)
      if (typeof writing === 'number') tell(writing)
      else writing.then(tell, failed)
      return writing
    },
  }
}

function tried<T>(write: () => T, failed: (error: unknown) => void): T {
  try {
    return write()
  } catch (error) {
    failed(error)
    throw error
  }
}
