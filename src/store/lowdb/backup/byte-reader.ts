import { DamagedBackup } from './damaged-backup.ts'

const NOTHING: Buffer = Buffer.alloc(0)

/** Takes a stream apart by counts of bytes, and holds no more of it than was asked for. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>
  #rest = NOTHING

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  async take(count: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const piece of this.pass(count)) pieces.push(piece)
    return pieces.length === 1 ? (pieces[0] ?? NOTHING) : Buffer.concat(pieces)
  }

  /** The next bytes, in the pieces in which they come. */
  async *pass(count: number): AsyncGenerator<Buffer, void> {
    for (let left = count; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        throw new DamagedBackup('it is cut short')
      }
      const piece = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.length === 0 && !(await this.#more())
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const next = await this.#source.next()
      if (next.done === true) return false
      this.#rest = next.value
      if (this.#rest.length > 0) return true
    }
  }
}
