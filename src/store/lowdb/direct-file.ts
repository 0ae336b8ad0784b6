import fs from 'node:fs'
import { alignedMemory, BLOCK_BYTES, roundUp } from './block-disk.ts'

const { O_DIRECT, O_RDONLY } = fs.constants
/** What is read in one call: whole blocks. */
export const PIECE_BYTES = 1024 * 1024

/**
 * A file that is read past the system's cache, into memory that begins with a page. A segment was written past it, too (so
 * it is not there), and is read through once: by way of the cache that takes four to fifteen times the processor time.
 */
export class DirectFile {
  readonly #file: string
  #fd: number
  #isDirect = true

  constructor(file: string) {
    this.#file = file
    try {
      this.#fd = fs.openSync(file, O_RDONLY | O_DIRECT)
    } catch (error) {
      if (!isRefusal(error)) throw error
      this.#fd = this.#plain()
    }
  }

  get size(): number {
    return fs.fstatSync(this.#fd).size
  }

  /** Fills whole blocks of memory from a block on, as far as the file goes. */
  read(into: Uint8Array, offset: number): number {
    let filled = 0
    while (filled < into.byteLength) {
      const piece = into.subarray(filled, filled + PIECE_BYTES)
      const count = this.#readSome(piece, offset + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  }

  #readSome(into: Uint8Array, offset: number): number {
    try {
      return fs.readSync(this.#fd, into, 0, into.byteLength, offset)
    } catch (error) {
      if (!this.#isDirect || !isRefusal(error)) throw error
      const direct = this.#fd
      this.#fd = this.#plain()
      fs.closeSync(direct)
      return this.#readSome(into, offset)
    }
  }

  close(): void {
    fs.closeSync(this.#fd)
  }

  #plain(): number {
    const fd = fs.openSync(this.#file, 'r')
    this.#isDirect = false
    return fd
  }
}

/** The file system has no such reads, or asks more of them. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'EINVAL' || error.code === 'EOPNOTSUPP')

/** All of a file that nobody writes to. */
export function readWhole(path: string): Buffer {
  const file = new DirectFile(path)
  try {
    const memory = alignedMemory(roundUp(file.size, BLOCK_BYTES))
    return Buffer.from(memory.buffer, 0, file.read(memory, 0))
  } finally {
    file.close()
  }
}
