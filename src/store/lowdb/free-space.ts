import fs from 'node:fs'

/**
 * Looks now and then how much room the disk has. Below the low-water mark new holds are refused while there still is
 * room for the settles of what runs: a disk that is quite full is noticed too late.
 */
export class FreeSpace {
  readonly #options: FreeSpaceOptions
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  #shortage: Error | undefined
  #seen: DiskSpace | undefined

  constructor(options: FreeSpaceOptions) {
    this.#options = options
  }

  /** Why no new hold is taken; undefined when there is room. */
  get shortage(): Error | undefined {
    return this.#shortage
  }

  /** What was seen last; undefined where it could not be. */
  get seen(): DiskSpace | undefined {
    return this.#seen
  }

  /** Looks for the first time, and goes on looking until it is stopped. */
  async start(): Promise<void> {
    await this.#look()
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void this.start(), LOOK_EVERY_MS).unref()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { dir, bytesMin, onShortage, statfs = fs.promises.statfs } = this.#options
    const seen = await statfs(dir).catch(() => undefined)
    if (seen === undefined) return // what is wrong with the folder, the journal finds out
    const [free, size] = [seen.bavail * seen.bsize, seen.blocks * seen.bsize]
    const wasShort = this.#shortage !== undefined
    const least = bytesMin() ?? Math.min(FREE_BYTES_MIN, size / SHARE_MIN)
    this.#seen = { freeBytes: free, sizeBytes: size, freeBytesMin: Math.floor(least) }
    this.#shortage = free < least ? new Error(inWords({ free, least })) : undefined
    if (this.#shortage !== undefined && !wasShort) onShortage(this.#shortage)
  }
}

/** Below `freeBytesMin` no hold is taken. */
export type DiskSpace = Readonly<{ freeBytes: number; sizeBytes: number; freeBytesMin: number }>

export type FreeSpaceOptions = Readonly<{
  dir: string
  /** The low-water mark; undefined for the smaller of 256 MiB and a twentieth of the disk. */
  bytesMin: () => number | undefined
  /** Told when it falls below the mark. */
  onShortage: (shortage: Error) => void
  statfs?: (dir: string) => Promise<Pick<fs.StatsFs, 'bavail' | 'blocks' | 'bsize'>>
}>

const LOOK_EVERY_MS = 2_000
const MIB = 1024 * 1024
const FREE_BYTES_MIN = 256 * MIB
const SHARE_MIN = 20

const inWords = ({ free, least }: { free: number; least: number }): string =>
  `the data folder has ${mib(free)} MiB left, less than the ${mib(least)} MiB of limits.disk_free_bytes_min: make room`

const mib = (bytes: number): string => (bytes / MIB).toFixed(1)
