import { createHash, type Hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Entry } from '../../domain/entry.ts'

/**
 * One journal line: `{"seq":7,<entry>,"crc":"0a1b2c3d"}`. The CRC-32 runs over the line up to the comma before it and
 * continues from the line before, so a line cannot be lost, doubled or moved. The last line of every flushed batch has
 * `"chain"` before its crc: SHA-256 over the previous chain value and all text since, so history cannot be rewritten.
 */
export type Position = Readonly<{ seq: number; crc: number; chain: string }>

export const GENESIS: Position = { seq: 0, crc: 0, chain: '0'.repeat(64) }

const CRC_LENGTH = ',"crc":"00000000"}'.length
const CHAIN_LENGTH = `,"chain":"${GENESIS.chain}"`.length

/** Writes lines, one batch at a time, each going on where the last one ended. */
export class RecordWriter {
  #seq: number
  #crc: number
  #chain: string
  /** Hashes everything since the last chain value. */
  #hash: Hash

  /** `unchained`: text after the last chain value, left by a batch of which only the beginning reached the disk. */
  constructor(from: Position, unchained = '') {
    this.#seq = from.seq
    this.#crc = from.crc
    this.#chain = from.chain
    this.#hash = createHash('sha256').update(from.chain).update(unchained)
  }

  get position(): Position {
    return { seq: this.#seq, crc: this.#crc, chain: this.#chain }
  }

  batch(entries: readonly Entry[]): string {
    let text = ''
    const last = entries.length - 1
    for (let index = 0; index < last; index++) {
      const body = this.#body(entries[index])
      text += this.#closed(body)
    }
    const body = this.#body(entries[last])
    this.#chain = this.#hash.update(text).update(body).digest('hex')
    this.#hash = createHash('sha256').update(this.#chain)
    return text + this.#closed(`${body},"chain":"${this.#chain}"`)
  }

  #body(entry: Entry | undefined): string {
    return `{"seq":${++this.#seq},${JSON.stringify(entry).slice(1, -1)}`
  }

  #closed(body: string): string {
    this.#crc = crc32(body, this.#crc)
    return `${body},"crc":"${hex(this.#crc)}"}\n`
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0')

export type ReadRecord = Readonly<{ seq: number; entry: Entry }>

/** Checks lines one after the other; throws `BadRecord` at the first that does not follow from the one before. */
export class RecordReader {
  #seq: number
  #crc: number
  #chain: string
  #hash: Hash
  #unchained = ''

  constructor(from: Position) {
    this.#seq = from.seq
    this.#crc = from.crc
    this.#chain = from.chain
    this.#hash = createHash('sha256').update(from.chain)
  }

  get position(): Position {
    return { seq: this.#seq, crc: this.#crc, chain: this.#chain }
  }

  /** Text since the last chain value: a writer that goes on from here begins with it. */
  get unchained(): string {
    return this.#unchained
  }

  read(line: string): ReadRecord {
    const body = line.slice(0, -CRC_LENGTH)
    const crc = crc32(body, this.#crc)
    if (line.slice(-CRC_LENGTH) !== `,"crc":"${hex(crc)}"}`) throw new BadRecord('its crc is wrong')
    const { seq, crc: _crc, chain, ...entry } = parsed(line)
    if (seq !== this.#seq + 1)
      throw new BadRecord(`it has seq ${seq} where ${this.#seq + 1} belongs`)
    this.#follow(line, chain)
    this.#crc = crc
    this.#seq = seq
    return { seq, entry: entry as unknown as Entry }
  }

  #follow(line: string, chain: unknown): void {
    if (chain === undefined) {
      this.#hash.update(line).update('\n')
      this.#unchained += `${line}\n`
      return
    }
    const body = line.slice(0, -CRC_LENGTH - CHAIN_LENGTH)
    const expected = this.#hash.update(body).digest('hex')
    if (chain !== expected) throw new BadRecord('the chain is broken there')
    this.#chain = expected
    this.#hash = createHash('sha256').update(expected)
    this.#unchained = ''
  }
}

export class BadRecord extends Error {
  override readonly name = 'BadRecord'
}

type Line = { seq: number; crc: string; chain?: string; kind: string }

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
