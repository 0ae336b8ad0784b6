import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Entry } from '../../domain/entry.ts'

/**
 * One journal line: `{"seq":7,<entry>,"crc":"0a1b2c3d"}`. The CRC-32 runs over the line up to the comma before it and
 * continues from the line before, so a line cannot be lost, doubled or moved. The last line of every flushed batch has
 * `"chain"` before its crc: SHA-256 over the previous chain value and all text since, so history cannot be rewritten.
 * Where a batch has several lines, the last also says how many: `"batch":3`.
 */
export type Position = Readonly<{ seq: number; crc: number; chain: string }>

export const GENESIS: Position = { seq: 0, crc: 0, chain: '0'.repeat(64) }

const CRC_LENGTH = ',"crc":"00000000"}'.length
const CHAIN_LENGTH = `,"chain":"${GENESIS.chain}"`.length

const START_BYTES = 64 * 1024
/** After a batch beyond this the memory is given back. */
const KEPT_BYTES_MAX = 1024 * 1024
/** What a line has besides its entry, and no more: number, count, chain and CRC. */
const FRAME_BYTES_MAX = 256
const UTF8_BYTES_MAX = 3

/**
 * Writes lines, one batch at a time, each going on where the last one ended. Batches are made in the same memory one
 * after the other, behind the chain value before them: so they are one piece for the hash, and no copy of their text is made.
 */
export class RecordWriter {
  #seq: number
  #crc: number
  #chain: string
  #bytes = Buffer.allocUnsafeSlow(START_BYTES)
  #at = 0

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
    if (this.#bytes.byteLength > KEPT_BYTES_MAX) this.#bytes = Buffer.allocUnsafeSlow(START_BYTES)
    this.#at = 0
    this.#write(this.#chain)
    const last = entries.length - 1
    for (let index = 0; index < last; index++) this.#close(this.#open(entries[index]))
    const line = this.#open(entries[last])
    if (last > 0) this.#write(`,"batch":${entries.length}`)
    this.#chain = hash('sha256', this.#bytes.subarray(0, this.#at))
    this.#write(`,"chain":"${this.#chain}"`)
    this.#close(line)
    return this.#bytes.subarray(GENESIS.chain.length, this.#at)
  }

  /** Returns where the line begins. */
  #open(entry: Entry | undefined): number {
    const text = JSON.stringify(entry)
    this.#makeRoom(text.length * UTF8_BYTES_MAX + FRAME_BYTES_MAX)
    const line = this.#at
    this.#write(`{"seq":${++this.#seq},`)
    this.#at += this.#bytes.write(text.slice(1, -1), this.#at)
    return line
  }

  #close(line: number): void {
    this.#crc = crc32(this.#bytes.subarray(line, this.#at), this.#crc)
    this.#write(`,"crc":"${hex(this.#crc)}"}\n`)
  }

  #write(ascii: string): void {
    this.#at += this.#bytes.write(ascii, this.#at, 'latin1')
  }

  #makeRoom(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.byteLength) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.byteLength))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0')

export type ReadRecord = Readonly<{ seq: number; entry: Entry; endsBatch: boolean }>

/** Checks lines one after the other; throws `BadRecord` at the first that does not follow from the one before. */
export class RecordReader {
  #seq: number
  #crc: number
  /** The end of the last whole batch. */
  #whole: Position
  /** The lines since. */
  #text = ''

  constructor(from: Position) {
    this.#seq = from.seq
    this.#crc = from.crc
    this.#whole = from
  }

  /** Where the last whole batch ends: what comes after it was never acknowledged. */
  get position(): Position {
    return this.#whole
  }

  read(line: Buffer): ReadRecord {
    const body = line.subarray(0, -CRC_LENGTH)
    const crc = crc32(body, this.#crc)
    if (line.toString('latin1', body.length) !== `,"crc":"${hex(crc)}"}`)
      throw new BadRecord('its crc is wrong')
    const text = line.toString()
    const { seq, crc: _crc, chain, batch, ...entry } = parsed(text)
    if (seq !== this.#seq + 1)
      throw new BadRecord(`it has seq ${seq} where ${this.#seq + 1} belongs`)
    this.#seq = seq
    this.#crc = crc
    if (chain === undefined) this.#text += `${text}\n`
    else this.#endBatch(text.slice(0, -CRC_LENGTH - CHAIN_LENGTH), { chain, batch })
    return { seq, entry: entry as unknown as Entry, endsBatch: chain !== undefined }
  }

  #endBatch(body: string, { chain, batch }: { chain: string; batch: number | undefined }): void {
    const expected = hash('sha256', this.#whole.chain + this.#text + body)
    if (chain !== expected) throw new BadRecord('the chain is broken there')
    const count = this.#seq - this.#whole.seq
    if (batch !== undefined && batch !== count)
      throw new BadRecord(`it ends a batch of ${batch}, and ${count} are there`)
    this.#whole = { seq: this.#seq, crc: this.#crc, chain }
    this.#text = ''
  }
}

export class BadRecord extends Error {
  override readonly name = 'BadRecord'
}

type Line = { seq: number; crc: string; chain?: string; batch?: number; kind: string }

function parsed(line: string): Line {
  try {
    return JSON.parse(line) as Line
  } catch (cause) {
    throw new BadRecord('it is not JSON', { cause })
  }
}

/** Whether `line` is sound if `before` is what it follows: tells a torn tail from damage with good records behind it. */
export function follows(line: string, before: string): boolean {
  const claimed = /,"crc":"([0-9a-f]{8})"\}$/.exec(before)?.[1]
  if (claimed === undefined) return false
  const crc = crc32(line.slice(0, -CRC_LENGTH), Number.parseInt(claimed, 16))
  return line.endsWith(`,"crc":"${hex(crc)}"}`)
}
