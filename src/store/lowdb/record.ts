import { crc32 } from 'node:zlib'
import type { Entry } from '../../domain/entry.ts'
import type { BookedEntry } from '../booked-entry.ts'
import { ChainedText } from './chained-text.ts'
import { CRC_LENGTH, endsWithCrc } from './crc-tail.ts'
import { LineReader, type JournalLine } from './journal-line.ts'
import { PlainFields } from './plain-fields.ts'

/**
 * One journal line: `{"seq":7,<entry>,"crc":"0a1b2c3d"}`. The CRC-32 runs over the line up to the comma before it and
 * continues from the line before, so a line cannot be lost, doubled or moved. The last line of every flushed batch has
 * `"chain"` before its crc: SHA-256 over the previous chain value and all text since, so history cannot be rewritten.
 * Where a batch has several lines, the last also says how many: `"batch":3`.
 */
export type Position = Readonly<{ seq: number; crc: number; chain: string }>

export const GENESIS: Position = { seq: 0, crc: 0, chain: '0'.repeat(64) }

const CHAIN_LENGTH = `,"chain":"${GENESIS.chain}"`.length

/** `{"seq":`, a number and a comma. */
const START_BYTES_MAX = 32

/** Writes lines, one batch at a time, each going on where the last one ended. */
export class RecordWriter {
  readonly #text = new ChainedText()
  readonly #plain = new PlainFields()
  #seq: number
  #crc: number
  #chain: string

  constructor(from: Position) {
    this.#seq = from.seq
    this.#crc = from.crc
    this.#chain = from.chain
  }

  get position(): Position {
    return { seq: this.#seq, crc: this.#crc, chain: this.#chain }
  }

  /** Good until the next batch. */
  batch(entries: readonly Entry[]): Buffer {
    const text = this.#text
    text.begin(this.#chain)
    let [line, left] = [text.end, entries.length]
    for (const entry of entries) {
      line = this.#open(entry)
      if (--left > 0) this.#close(line)
    }
    if (entries.length > 1) text.ascii(`,"batch":${entries.length}`)
    this.#chain = text.chain
    text.ascii(`,"chain":"${this.#chain}"`)
    this.#close(line)
    return text.batch
  }

  /** Returns where the line begins. */
  #open(entry: Entry): number {
    const text = this.#text
    const line = text.end
    text.makeRoom(START_BYTES_MAX)
    text.short('{"seq":')
    text.short(String(++this.#seq))
    text.short(',')
    if (!this.#plain.write(entry, text)) text.utf8(JSON.stringify(entry).slice(1, -1))
    return line
  }

  #close(line: number): void {
    this.#crc = this.#text.endLine(line, this.#crc)
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0')

export type ReadRecord = Readonly<{ entry: BookedEntry; endsBatch: boolean }>

/**
 * Checks lines one after the other; throws `BadRecord` at the first that does not follow from the one before. The bytes of
 * a line stay as they are until its batch has ended.
 */
export class RecordReader {
  readonly #text = new ChainedText()
  readonly #lines = new LineReader()
  /** Lines that stand one behind the other, and are not in the text yet: a batch is copied into it as one. */
  #run: Run = NO_RUN
  #seq: number
  #crc: number
  /** The end of the last whole batch; behind it, the text has the lines since. */
  #whole: Position

  constructor(from: Position) {
    this.#seq = from.seq
    this.#crc = from.crc
    this.#whole = from
    this.#text.begin(from.chain)
  }

  /** Where the last whole batch ends: what comes after it was never acknowledged. */
  get position(): Position {
    return this.#whole
  }

  /** The line that stands in `bytes` from `start` to `end`, where its newline is. */
  read(bytes: Buffer, start = 0, end = bytes.byteLength): ReadRecord {
    const body = Math.max(start, end - CRC_LENGTH)
    const crc = crc32(bytes.subarray(start, body), this.#crc)
    if (end - start < CRC_LENGTH || !endsWithCrc(bytes, end, crc))
      throw new BadRecord('its crc is wrong')
    const { seq, batch, chain, entry } = this.#parsed(bytes, start, end)
    if (seq !== this.#seq + 1)
      throw new BadRecord(`it has seq ${seq} where ${this.#seq + 1} belongs`)
    this.#seq = seq
    this.#crc = crc
    this.#goOn(bytes, start, end)
    if (chain === undefined) return { entry, endsBatch: false }
    this.#endBatch(chain, batch)
    return { entry, endsBatch: true }
  }

  #parsed(bytes: Buffer, start: number, end: number): JournalLine {
    try {
      return this.#lines.read(bytes, start, end)
    } catch (cause) {
      throw new BadRecord('it is not JSON', { cause })
    }
  }

  #goOn(bytes: Buffer, start: number, end: number): void {
    const run = this.#run
    if (bytes === run.bytes && start === run.end + 1) {
      run.end = end
      return
    }
    if (run !== NO_RUN) {
      this.#text.bytes(run.bytes.subarray(run.start, run.end))
      this.#text.bytes(NEWLINE)
    }
    this.#run = { bytes, start, end }
  }

  #endBatch(chain: string, batch: number | undefined): void {
    const { bytes, start, end } = this.#run
    this.#text.bytes(bytes.subarray(start, end - CRC_LENGTH - CHAIN_LENGTH))
    this.#run = NO_RUN
    if (chain !== this.#text.chain) throw new BadRecord('the chain is broken there')
    const count = this.#seq - this.#whole.seq
    if (batch !== undefined && batch !== count)
      throw new BadRecord(`it ends a batch of ${batch}, and ${count} are there`)
    this.#whole = { seq: this.#seq, crc: this.#crc, chain }
    this.#text.begin(chain)
  }
}

const NEWLINE = Buffer.from('\n')
type Run = { readonly bytes: Buffer; readonly start: number; end: number }
const NO_RUN: Run = { bytes: NEWLINE, start: 0, end: 0 }

export class BadRecord extends Error {
  override readonly name = 'BadRecord'
}

/** Whether `line` is sound if `before` is what it follows: tells a torn tail from damage with good records behind it. */
export function follows(line: string, before: string): boolean {
  const claimed = /,"crc":"([0-9a-f]{8})"\}$/.exec(before)?.[1]
  if (claimed === undefined) return false
  const crc = crc32(line.slice(0, -CRC_LENGTH), Number.parseInt(claimed, 16))
  return line.endsWith(`,"crc":"${hex(crc)}"}`)
}
