import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { emptyBooks, replay, type Books } from '../../books.ts'
import { GENESIS, RecordReader, type Position } from '../record.ts'
import { booksFrom, type Snapshot } from '../snapshot.ts'
import { parseSnapshot, SEGMENT } from './copy-books.ts'
import { DamagedBackup } from './damaged-backup.ts'

const NEWLINE = 10

/**
 * Replays books that come file by file, snapshot first and then the segments in order, by the rules of recovery. It
 * begins with the first segment where that is there, so that the snapshot is proven too.
 */
export class BooksProof {
  #books: Books = emptyBooks()
  #reader = new RecordReader(GENESIS)
  #snapshot: Snapshot | undefined
  #isFromGenesis = false
  #last: number | undefined
  #records = 0

  get books(): Books {
    return this.#books
  }

  get position(): Position {
    return this.#reader.position
  }

  get records(): number {
    return this.#records
  }

  async enter(name: string, body: AsyncIterable<Buffer>): Promise<void> {
    const file = name.slice(name.lastIndexOf('/') + 1)
    if (file === 'gateway.json') return this.#takeSnapshot(file, body)
    const [, number, packed] = SEGMENT.exec(file) ?? []
    if (number === undefined) return
    const segment = Number(number)
    this.#begin(segment)
    if (segment <= (this.#isFromGenesis ? 0 : (this.#snapshot?.segment ?? 0))) return
    await this.#replaySegment(file, packed === undefined ? body : unpacked(body))
    if (segment === this.#snapshot?.segment) this.#meet(this.#snapshot)
  }

  async #takeSnapshot(file: string, body: AsyncIterable<Buffer>): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of body) pieces.push(piece)
    try {
      this.#snapshot = parseSnapshot(Buffer.concat(pieces), file)
    } catch (cause) {
      throw new DamagedBackup('its snapshot was changed', { cause })
    }
    if (this.#snapshot === undefined) throw new DamagedBackup('its snapshot cannot be read')
  }

  #begin(segment: number): void {
    if (this.#last !== undefined) {
      if (segment !== this.#last + 1)
        throw new DamagedBackup(`segment ${this.#last + 1} is missing`)
      this.#last = segment
      return
    }
    this.#last = segment
    this.#isFromGenesis = segment === 1
    if (this.#isFromGenesis) return
    if (this.#snapshot === undefined || segment > this.#snapshot.segment + 1)
      throw new DamagedBackup(
        `its first segment is ${segment}, and no snapshot covers those before`,
      )
    this.#books = booksFrom(this.#snapshot)
    this.#reader = new RecordReader(this.#snapshot)
  }

  async #replaySegment(file: string, body: AsyncIterable<Buffer>): Promise<void> {
    for await (const line of linesOf(body)) {
      try {
        replay(this.#books, this.#reader.read(line).entry)
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        const { seq } = this.#reader.position
        throw new DamagedBackup(`${file} cannot be replayed behind seq ${seq}: ${reason}`, {
          cause,
        })
      }
      this.#records++
    }
  }

  #meet({ seq, chain }: Snapshot): void {
    const here = this.#reader.position
    if (here.seq !== seq || here.chain !== chain)
      throw new DamagedBackup('its snapshot and its journal do not fit')
  }
}

/** Whole lines. A NUL where a line would begin is the end: the segment that is being written may have room behind it. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of body) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let start = 0
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE, start)) {
      if (rest[start] === 0) return
      yield rest.subarray(start, end)
      start = end + 1
    }
    rest = rest.subarray(start)
    if (rest[0] === 0) return
  }
  if (rest.length > 0) throw new DamagedBackup(`it ends with ${rest.length} bytes of a record`)
}

const unpacked = (body: AsyncIterable<Buffer>): AsyncIterable<Buffer> =>
  Readable.from(body).compose(createGunzip()) as AsyncIterable<Buffer>
