import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { emptyBooks, replay, type Books } from '../../books.ts'
import { GENESIS, RecordReader, type Position } from '../record.ts'
import { booksFrom, type Snapshot } from '../snapshot.ts'
import { parseSnapshot, SEGMENT } from './copy-books.ts'
import { DamagedBackup } from './damaged-backup.ts'

const NEWLINE = 10

/** Snapshots by their names in the folder: the base of books whose first segments were moved away, and the newest. */
const SNAPSHOT = /(?:^|\/)(?:archive\/base|gateway)\.json$/

/**
 * Replays books that come file by file, snapshots first and then the segments in order, by the rules of recovery. It
 * begins as early as the segments allow, so that the newest snapshot is proven, too.
 */
export class BooksProof {
  #books: Books = emptyBooks()
  #reader = new RecordReader(GENESIS)
  #snapshots: Snapshot[] = []
  /** The last segment that the snapshot covers with which it began. */
  #covered: number | undefined
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
    if (SNAPSHOT.test(name)) return this.#takeSnapshot(file, body)
    const [, number, packed] = SEGMENT.exec(file) ?? []
    if (number === undefined) return
    const segment = Number(number)
    this.#covered ??= this.#beginBefore(segment)
    const expected = (this.#last ?? Math.min(this.#covered, segment - 1)) + 1
    if (segment !== expected) throw new DamagedBackup(`segment ${expected} is missing`)
    this.#last = segment
    if (segment <= this.#covered) return
    await this.#replaySegment(file, packed === undefined ? body : unpacked(body))
    for (const snapshot of this.#snapshots) if (snapshot.segment === segment) this.#meet(snapshot)
  }

  async #takeSnapshot(file: string, body: AsyncIterable<Buffer>): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of body) pieces.push(piece)
    const snapshot = this.#parse(Buffer.concat(pieces), file)
    if (snapshot === undefined) throw new DamagedBackup(`${file} cannot be read`)
    this.#snapshots.push(snapshot)
  }

  #parse(bytes: Buffer, file: string): Snapshot | undefined {
    try {
      return parseSnapshot(bytes, file)
    } catch (cause) {
      throw new DamagedBackup(`${file} was changed`, { cause })
    }
  }

  /** Takes up the oldest snapshot that the segments go on from; answers the last segment that it covers. */
  #beginBefore(first: number): number {
    if (first === 1) return 0
    const fitting = this.#snapshots.filter(({ segment }) => segment >= first - 1)
    const oldest = fitting.sort((a, b) => a.segment - b.segment)[0]
    if (oldest === undefined)
      throw new DamagedBackup(`its first segment is ${first}, and no snapshot covers those before`)
    this.#books = booksFrom(oldest)
    this.#reader = new RecordReader(oldest)
    return oldest.segment
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
