import path from 'node:path'
import type { Entry } from '../../domain/entry.ts'
import { newBatch, type Batch } from './batch.ts'
import { isShortage, noBytesTaken, type Disk } from './disk.ts'
import { RecordWriter, type Position } from './record.ts'
import { Runway } from './runway.ts'
import { segmentFile } from './segments.ts'
import { endOfTurn, wholeTurn } from './turn.ts'

/**
 * The append-only file that is the truth. Entries wait while a flush is running and go out together in the next one:
 * one durable write for all of them, with no timer. A promise resolves when its entry is on the disk.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #add = (entry: Entry): void => void this.#waiting.entries.push(entry)
  #fd: number
  #segment: number
  #offset: number
  #runway: Runway
  #writer: RecordWriter
  /** The writer is ahead of it while a batch is on its way to the disk. */
  #durable: Position
  #waiting = newBatch()
  #flushing: Promise<void> | undefined
  #trouble: Error | undefined
  #isClosing = false
  #isLost = false
  /** The disk said at once that the last entries are on it: nothing gathers meanwhile, so the next ones wait a moment. */
  #isAtOnce = false

  private constructor(options: JournalOptions, tail: JournalTail, fd: number) {
    this.#options = options
    this.#fd = fd
    this.#segment = tail.segment
    this.#offset = tail.offset
    this.#runway = this.#newRunway(tail.zeroedTo)
    this.#writer = new RecordWriter(tail.position)
    this.#durable = tail.position
  }

  /** Goes on behind the tail; what is there already behind it are zeros. */
  static async open(options: JournalOptions, tail: JournalTail): Promise<Journal> {
    const { disk, folder } = options
    const file = path.join(folder, segmentFile(tail.segment))
    const fd = await disk.open(file, tail.offset === 0 ? 'w' : 'r+')
    await disk.syncFolder(folder)
    const journal = new Journal(options, tail, fd)
    await journal.#prepare()
    return journal
  }

  /** Why nothing new is to be begun at the moment; undefined when all is well. */
  get trouble(): Error | undefined {
    return this.#trouble ?? this.#options.shortage()
  }

  /** Where the durable journal ends. */
  get end(): JournalEnd {
    return { segment: this.#segment, offset: this.#offset, ...this.#durable }
  }

  append(entry: Entry): Batch {
    const batch = this.#waiting
    batch.entries.push(entry)
    this.flush()
    return batch
  }

  /** Starts a flush unless one is running; entries that are recorded in one step go out together. */
  flush(): void {
    if (this.#isClosing) return
    this.#flushing ??= this.#flushAll()
  }

  /**
   * What is recorded by now lands; what comes later never does, for the number of a closed file is soon another's. The
   * file is cut to its length; where that fails a start knows the zeros as such.
   */
  async close(): Promise<void> {
    const { disk } = this.#options
    this.flush()
    this.#isClosing = true
    await this.#flushing
    this.#trouble = new Error('the journal is closed')
    await this.#runway.idle()
    await disk.truncate(this.#fd, this.#offset).catch(() => undefined)
    await disk.close(this.#fd).catch(() => undefined)
  }

  async #flushAll(): Promise<void> {
    const { beforeFlush, isAlone } = this.#options
    // At least the step that records entries ends first; who is alone gathers nothing by waiting.
    await (this.#isAtOnce && !isAlone(this.#waiting.entries[0]) ? endOfTurn() : undefined)
    beforeFlush(this.#add)
    while (this.#waiting.entries.length > 0) {
      const batch = this.#waiting
      this.#waiting = newBatch()
      await this.#flushBatch(batch)
      if (batch.entries.length >= CROWD) await wholeTurn()
      else if (this.#isAtOnce) await endOfTurn()
      beforeFlush(this.#add)
    }
    this.#flushing = undefined
  }

  async #flushBatch(batch: Batch): Promise<void> {
    const { segmentBytesMax, afterFlush } = this.#options
    const isFull = this.#offset >= segmentBytesMax
    if (isFull) this.#seal(batch)
    const bytes = this.#writer.batch(batch.entries)
    await this.#untilItCan(() => this.#write(bytes), batch)
    this.#offset += bytes.byteLength
    this.#durable = this.#writer.position
    batch.firstTry.resolve('landed')
    batch.landed.resolve()
    if (isFull) await this.#roll()
    else this.#runway.keepAheadOf(this.#offset)
    afterFlush(this)
  }

  /** All that was decided until now is in this segment; what is decided from now on is in the next. */
  #seal(batch: Batch): void {
    const { now, onSealing } = this.#options
    batch.entries.push({ kind: 'seal', at: now(), segment: this.#segment })
    onSealing(this.#segment)
  }

  async #write(bytes: Buffer): Promise<void> {
    const { disk } = this.#options
    if (!this.#runway.isClearTo(this.#offset + bytes.byteLength)) await this.#runway.idle()
    let written = 0
    while (written < bytes.byteLength) {
      const rest = written === 0 ? bytes : bytes.subarray(written)
      const writing = disk.append(this.#fd, rest, this.#offset + written)
      this.#isAtOnce = typeof writing === 'number'
      const count = typeof writing === 'number' ? writing : await writing
      if (count === 0) throw noBytesTaken()
      written += count
    }
  }

  /** What fails for want of room is cut back and tried again until it succeeds; what fails otherwise is the end. */
  async #untilItCan<T>(step: () => Promise<T>, batch?: Batch): Promise<T> {
    for (;;) {
      try {
        const result = await step()
        if (this.#isLost) return await NOTHING_MORE
        this.#trouble = undefined
        return result
      } catch (error) {
        if (!isShortage(error)) return this.#giveUp(error)
        batch?.firstTry.resolve('failed')
        await this.#standBy(error)
      }
    }
  }

  /** Nobody knows what is on the disk now, and asking again may lie: only a restart can tell. */
  readonly #giveUp = (error: unknown): Promise<never> => {
    this.#isLost = true
    this.#options.onFatal(error)
    return NOTHING_MORE
  }

  async #standBy(error: Error): Promise<void> {
    const { disk, onTrouble } = this.#options
    this.#trouble = error
    this.#waiting.firstTry.resolve('failed') // what gathered meanwhile would wait as long; nothing else begins now
    await onTrouble(error)
    await this.#runway.idle()
    await disk.truncate(this.#fd, this.#offset).then(
      () => {
        this.#runway.cutTo(this.#offset)
      },
      () => undefined, // tried again with the next step
    )
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }

  /** The segment is sealed, and cut to its exact length: its successor begins with an entry that names it. */
  async #roll(): Promise<void> {
    const { disk, folder, now, run, onSealed } = this.#options
    const [sealed, segment] = [this.#segment, this.#segment + 1]
    await this.#runway.idle()
    await this.#untilItCan(() => disk.truncate(this.#fd, this.#offset))
    const file = path.join(folder, segmentFile(segment))
    const fd = await this.#untilItCan(() => disk.open(file, 'wx'))
    await this.#untilItCan(() => disk.syncFolder(folder))
    await disk.close(this.#fd).catch(() => undefined) // what it holds is durable already
    this.#fd = fd
    this.#segment = segment
    this.#offset = 0
    this.#runway = this.#newRunway(0)
    await this.#prepare()
    const after = this.#writer.position.chain
    this.#waiting.entries.unshift({ kind: 'open', at: now(), format: FORMAT, segment, run, after })
    onSealed(sealed)
  }

  #newRunway(from: number): Runway {
    const { disk, segmentBytesMax: bytesMax } = this.#options
    return new Runway({ disk, fd: this.#fd, bytesMax, onFatal: this.#giveUp }, from)
  }

  /** Nothing can be written yet, so that the first zeros meet no entry on their way. */
  async #prepare(): Promise<void> {
    this.#runway.keepAheadOf(this.#offset)
    await this.#runway.idle()
  }
}

export const FORMAT = 'tollgate-journal/1'
const RETRY_MS = 200
/** Once the disk cannot be believed, nothing is acknowledged any more. */
const NOTHING_MORE = new Promise<never>(() => undefined)
/** A batch of so many entries says that there is load: the next one gathers for a turn of the event loop. */
const CROWD = 4

export type JournalTail = Readonly<{
  segment: number
  /** Where the last whole batch ends. */
  offset: number
  /** From there to here the file has zeros. */
  zeroedTo: number
  position: Position
}>

export type JournalEnd = Position & Readonly<{ segment: number; offset: number }>

export type JournalOptions = Readonly<{
  folder: string
  disk: Disk
  run: string
  segmentBytesMax: number
  now: () => number
  isAlone: (first: Entry | undefined) => boolean
  /** Adds entries that only ride along with others. */
  beforeFlush: (add: (entry: Entry) => void) => void
  afterFlush: (journal: Pick<Journal, 'end'>) => void
  /** A segment's last entry has been decided. */
  onSealing: (segment: number) => void
  onSealed: (segment: number) => void
  /** Why no hold may be taken though writing works. */
  shortage: () => Error | undefined
  /** There is no room; what failed will be tried again. */
  onTrouble: (error: Error) => Promise<void>
  /** The disk can no longer be believed: end the process. */
  onFatal: (error: unknown) => void
}>
