import type { NodeDisk } from './disk.ts'

/** A page, which is whole sectors: what is asked of writes that pass the system's cache over. */
export const BLOCK_BYTES = 4096

export const roundUp = (offset: number, step: number): number => Math.ceil(offset / step) * step

/**
 * Writes whole blocks. What stands in the first one before the bytes is written again as it is, and zeros fill the last
 * one: so nothing but zeros may stand behind the bytes, and what is written at the same time must be in other blocks.
 */
export function blockDisk(disk: NodeDisk): NodeDisk {
  const blocks = new Blocks(disk)
  return {
    ...disk,
    async append(fd, bytes, offset) {
      const layout = blocks.lay(fd, bytes, offset)
      try {
        const count = await disk.append(fd, layout.blocks, offset - layout.head)
        return blocks.took(fd, offset, { layout, count })
      } finally {
        blocks.giveBack(layout)
      }
    },
    appendNow(fd, bytes, offset) {
      const layout = blocks.lay(fd, bytes, offset)
      try {
        const count = disk.appendNow(fd, layout.blocks, offset - layout.head)
        return blocks.took(fd, offset, { layout, count })
      } finally {
        blocks.giveBack(layout)
      }
    },
    truncate(fd, length) {
      blocks.forget(fd)
      return disk.truncate(fd, length)
    },
    close(fd) {
      blocks.forget(fd)
      return disk.close(fd)
    },
  }
}

/** The block in which the last bytes of a file ended, so that it need not be read. */
type Tail = { readonly block: Uint8Array; end: number }

class Blocks {
  readonly #disk: NodeDisk
  readonly #tails = new Map<number, Tail>()
  readonly #unused: Layout[] = []

  constructor(disk: NodeDisk) {
    this.#disk = disk
  }

  lay(fd: number, bytes: Uint8Array, offset: number): Layout {
    const layout = this.#unused.pop() ?? new Layout()
    const head = offset % BLOCK_BYTES
    const tail = this.#tails.get(fd)
    if (head > 0) {
      if (tail?.end === offset) layout.memory.set(tail.block)
      else this.#disk.readNow(fd, layout.memory.subarray(0, BLOCK_BYTES), offset - head)
    }
    layout.lay(bytes, head)
    return layout
  }

  /** How many of the bytes are there, of the blocks that are. */
  took(fd: number, offset: number, { layout, count }: { layout: Layout; count: number }): number {
    const taken = layout.taken(count)
    let tail = this.#tails.get(fd)
    // Zeros ahead begin with a block: what comes next is not behind them.
    if (layout.head === 0 && tail?.end !== offset) return taken
    if (tail === undefined) {
      tail = { block: new Uint8Array(BLOCK_BYTES), end: 0 }
      this.#tails.set(fd, tail)
    }
    tail.block.set(layout.blockAt(layout.head + taken))
    tail.end = offset + taken
    return taken
  }

  giveBack(layout: Layout): void {
    this.#unused.push(layout)
  }

  forget(fd: number): void {
    this.#tails.delete(fd)
  }
}

/** Of more, a part is written. */
const LAYOUT_BYTES = 64 * BLOCK_BYTES

declare const WebAssembly: {
  Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
}
const WASM_PAGE_BYTES = 64 * 1024

/** Begins with a page, as a WebAssembly program's memory does; nothing else of JavaScript's is sure to. */
export function alignedMemory(bytes: number): Uint8Array {
  const pages = Math.ceil(bytes / WASM_PAGE_BYTES)
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer, 0, bytes)
}

/** For one write at a time. */
class Layout {
  readonly memory = alignedMemory(LAYOUT_BYTES)
  head = 0
  #size = 0
  blocks = this.memory

  lay(bytes: Uint8Array, head: number): void {
    const size = Math.min(bytes.byteLength, LAYOUT_BYTES - head)
    const end = head + size
    const whole = roundUp(end, BLOCK_BYTES)
    this.memory.set(size < bytes.byteLength ? bytes.subarray(0, size) : bytes, head)
    this.memory.fill(0, end, whole)
    this.head = head
    this.#size = size
    this.blocks = this.memory.subarray(0, whole)
  }

  /** Of the bytes, where so much of the blocks is on the disk. */
  taken(count: number): number {
    return Math.max(0, Math.min(count - this.head, this.#size))
  }

  blockAt(at: number): Uint8Array {
    const from = at - (at % BLOCK_BYTES)
    return this.memory.subarray(from, from + BLOCK_BYTES)
  }
}
