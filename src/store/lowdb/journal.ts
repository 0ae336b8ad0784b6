import path from 'node:path'
import type { Entry } from '../../domain/entry.ts'
import type { Disk } from './disk.ts'
import { RecordWriter, type Position } from './record.ts'
import { segmentFile } from './segments.ts'

/**
 * The append-only file that is the truth. Entries wait while a flush is running and go out together in the next one:
 * one write and one fdatasync for all of them, with no timer. A promise resolves when its entry is on the disk.
 */
export class Journal {
  readonly #options: JournalOptions
  #fd: number
  #segment: number
  #offset: number
  #writer: RecordWriter
  #waiting = newBatch()
  #flushing: Promise<void> | undefined
  #trouble: Error | undefined

  constructor(options: JournalOptions, tail: JournalTail, fd: number) {
    this.#options = options
    this.#fd = fd
    this.#segment = tail.segment
    this.#offset = tail.offset
    this.#writer = new RecordWriter(tail.position, tail.unchained)
  }

  /** Why nothing can be written at the moment; undefined when all is well. */
  get trouble(): Error | undefined {
    return this.#trouble
  }

  /** Where the durable journal ends. */
  get end(): JournalEnd {
    return { segment: this.#segment, offset: this.#offset, ...this.#writer.position }
  }

  append(entry: Entry): Batch {
    const batch = this.#waiting
    batch.entries.push(entry)
    this.flush()
    return batch
  }

  /** Starts a flush unless one is running; entries of the same turn of the event loop go out together. */
  flush(): void {
    this.#flushing ??= new Promise((resolve) => {
      setImmediate(() => {
        void this.#flushAll().then(resolve)
      })
    })
  }

  async close(): Promise<void> {
    this.flush()
    await this.#flushing
    await this.#options.disk.close(this.#fd)
  }

  async #flushAll(): Promise<void> {
    this.#options.beforeFlush((entry) => this.#waiting.entries.push(entry))
    while (this.#waiting.entries.length > 0) {
      const batch = this.#waiting
      this.#waiting = newBatch()
      await this.#flushBatch(batch)
      this.#options.beforeFlush((entry) => this.#waiting.entries.push(entry))
    }
    this.#flushing = undefined
  }

  async #flushBatch(batch: Batch): Promise<void> {
    const isFull = this.#offset >= this.#options.segmentBytesMax
    const { now } = this.#options
    if (isFull) batch.entries.push({ kind: 'seal', at: now(), segment: this.#segment })
    await this.#land(Buffer.from(this.#writer.batch(batch.entries)), batch)
    if (isFull) await this.#roll()
    batch.landed.resolve()
    this.#options.afterFlush(this.end)
  }

  /** Writes until the bytes are on the disk; a write that fails is cut back and tried again, a sync that fails is the end. */
  async #land(bytes: Buffer, batch: Batch): Promise<void> {
    for (;;) {
      try {
        await this.#write(bytes)
        break
      } catch (error) {
        batch.firstTry.resolve('failed')
        await this.#standBy(error)
      }
    }
    await this.#sync()
    this.#offset += bytes.byteLength
    this.#trouble = undefined
    batch.firstTry.resolve('landed')
  }

  async #write(bytes: Buffer): Promise<void> {
    let written = 0
    while (written < bytes.byteLength) {
      const rest = written === 0 ? bytes : bytes.subarray(written)
      const count = await this.#options.disk.write(this.#fd, rest, this.#offset + written)
      if (count === 0) throw new Error('the disk took no bytes')
      written += count
    }
  }

  /** After a failed fdatasync nobody knows what is on the disk, and asking again may lie: only a restart can tell. */
  async #sync(): Promise<void> {
    try {
      await this.#options.disk.datasync(this.#fd)
    } catch (error) {
      this.#options.onFatal(error)
      await new Promise(() => undefined) // nothing may be acknowledged any more
    }
  }

  async #standBy(error: unknown): Promise<void> {
    this.#trouble = error instanceof Error ? error : new Error(String(error))
    await this.#options.onTrouble(this.#trouble)
    await this.#options.disk.truncate(this.#fd, this.#offset).catch(() => undefined) // tried again with the write
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }

  /** The segment is sealed: its successor begins with an entry that names it. */
  async #roll(): Promise<void> {
    const { disk, folder, now, run } = this.#options
    const segment = this.#segment + 1
    const fd = await disk.open(path.join(folder, segmentFile(segment)), 'wx')
    await disk.syncFolder(folder)
    await disk.close(this.#fd)
    const sealed = this.#segment
    this.#fd = fd
    this.#segment = segment
    this.#offset = 0
    const after = this.#writer.position.chain
    this.#waiting.entries.unshift({ kind: 'open', at: now(), format: FORMAT, segment, run, after })
    this.#options.onSealed(sealed)
  }
}

export const FORMAT = 'tollgate-journal/1'
const RETRY_MS = 200

export type JournalTail = Readonly<{
  segment: number
  offset: number
  position: Position
  unchained: string
}>

export type JournalEnd = Position & Readonly<{ segment: number; offset: number }>

export type JournalOptions = Readonly<{
  folder: string
  disk: Disk
  run: string
  segmentBytesMax: number
  now: () => number
  /** Adds entries that only ride along with others. */
  beforeFlush: (add: (entry: Entry) => void) => void
  afterFlush: (end: JournalEnd) => void
  onSealed: (segment: number) => void
  /** A write failed and will be tried again. */
  onTrouble: (error: Error) => Promise<void>
  /** The disk can no longer be believed: end the process. */
  onFatal: (error: unknown) => void
}>

/** Entries that reach the disk together. */
export type Batch = Readonly<{
  entries: Entry[]
  landed: PromiseWithResolve<void>
  /** How the first try went: a hold does not wait for a full disk, a settle does. */
  firstTry: PromiseWithResolve<'landed' | 'failed'>
}>

type PromiseWithResolve<T> = { readonly promise: Promise<T>; readonly resolve: (value: T) => void }

const newBatch = (): Batch => ({ entries: [], landed: resolvable(), firstTry: resolvable() })

function resolvable<T>(): PromiseWithResolve<T> {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((accept) => {
    resolve = accept
  })
  return { promise, resolve }
}
