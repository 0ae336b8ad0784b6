import { BLOCK_BYTES, roundUp } from './block-disk.ts'
import { isShortage, type Disk } from './disk.ts'

/**
 * Zeros ahead of the journal's end. A flush that overwrites them changes no length and takes no new block, so the disk
 * has nothing but its bytes to make durable: half the time and half the work of a flush that makes the file longer.
 */
export class Runway {
  readonly #options: RunwayOptions
  #end: number
  #extending: Promise<void> | undefined
  #extendAfter = -Infinity

  constructor(options: RunwayOptions, from: number) {
    this.#options = options
    this.#end = from
  }

  /** Whether bytes may be written up to here at once. Where they may not, `idle` tells when: zeros may be on their way. */
  isClearTo(offset: number): boolean {
    return offset <= this.#end || this.#extending === undefined
  }

  /** Called when the journal has grown; lays the next zeros in the background before the last are used up. */
  keepAheadOf(offset: number): void {
    if (offset > this.#end) this.#end = offset
    const isNeeded = this.#end - offset < CHUNK_BYTES / 2 && this.#end < this.#options.bytesMax
    if (!isNeeded || this.#extending !== undefined) return
    if (performance.now() < this.#extendAfter) return
    this.#extending = this.#extend().finally(() => {
      this.#extending = undefined
    })
  }

  async idle(): Promise<void> {
    await this.#extending
  }

  /** The file was cut there. */
  cutTo(offset: number): void {
    this.#end = offset
  }

  async #extend(): Promise<void> {
    const { disk, fd, bytesMax, onFatal } = this.#options
    const from = roundUp(this.#end, BLOCK_BYTES) // an entry may be on its way into the block before
    const to = Math.min(roundUp(from + 1, CHUNK_BYTES), roundUp(bytesMax, BLOCK_BYTES))
    try {
      this.#end = from + (await disk.append(fd, ZEROS.subarray(0, to - from), from))
    } catch (error) {
      // The system tells of trouble once, whoever asks first: it may have been an entry that is not there now.
      if (!isShortage(error)) void onFatal(error)
      // Nobody's entry is lost: the journal grows by its own bytes meanwhile, and finds out itself what the disk has.
      this.#extendAfter = performance.now() + RETRY_MS
    }
  }
}

export type RunwayOptions = Readonly<{
  disk: Disk
  fd: number
  /** No zeros are laid behind this point: the segment ends there. */
  bytesMax: number
  /** The disk can no longer be believed. */
  onFatal: (error: unknown) => unknown
}>

const CHUNK_BYTES = 1024 * 1024
const ZEROS = new Uint8Array(CHUNK_BYTES)
const RETRY_MS = 5_000
