/** A whole line, in a block of memory that it shares with others. */
export type ReadyLine = Readonly<{ block: Buffer; from: number; to: number }>

/** Some three hundred of the lines that every request has. */
const BLOCK_BYTES = 128 * 1024
const UTF8_BYTES_MAX = 3

/**
 * Lines wait as bytes: as texts they would be copied by the collections of young objects meanwhile, and turned into bytes
 * at each place where the log goes.
 */
export class ReadyLines {
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #end = 0

  add(text: string): ReadyLine {
    const bytesMax = (text.length + 1) * UTF8_BYTES_MAX
    if (this.#end + bytesMax > this.#block.byteLength) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(bytesMax, BLOCK_BYTES))
      this.#end = 0
    }
    const from = this.#end
    this.#end += this.#block.write(`${text}\n`, from)
    return { block: this.#block, from, to: this.#end }
  }
}

/** Without a copy where they lie one behind the other, as they mostly do. */
export function bytesOf(lines: readonly ReadyLine[]): Buffer {
  const pieces: Buffer[] = []
  let last: { block: Buffer; from: number; to: number } | undefined
  for (const { block, from, to } of lines) {
    if (last?.block === block && last.to === from) last.to = to
    else {
      if (last !== undefined) pieces.push(last.block.subarray(last.from, last.to))
      last = { block, from, to }
    }
  }
  if (last !== undefined) pieces.push(last.block.subarray(last.from, last.to))
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
}
