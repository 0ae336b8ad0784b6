import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { placeOf, type Line, type Place, type Report } from '../store/audit-line.ts'

/**
 * A1, A2, A3: nothing is missing, changed or rewritten. Lines are handed on batch by batch: what follows the last whole
 * one, behind HEAD, is being written at this moment, or was when the machine stopped, and nobody was told of it.
 */
export class Trail {
  readonly #listener: TrailListener
  readonly #head: Head | undefined
  #at: Position
  #hash
  #batch: [line: Line, at: Place][] = []
  #doubts: Parameters<Report>[] = []
  #records = 0

  constructor(listener: TrailListener, head: Head | undefined, from: Position = GENESIS) {
    this.#listener = listener
    this.#head = head
    this.#at = { ...from }
    this.#hash = sha256(from.chain)
  }

  follow(bytes: Buffer, at: Place): void {
    const body = bytes.subarray(0, -CRC_LENGTH)
    const crc = crc32(body, this.#at.crc)
    const claimed = bytes.toString('latin1', body.length)
    const isSound = claimed === `,"crc":"${crc.toString(16).padStart(8, '0')}"}`
    const line = parsedLine(bytes)
    const place = () => (line === undefined ? { ...at, seq: this.#at.seq + 1 } : placeOf(line, at))
    if (!isSound) this.#doubt('A2', 'the crc is wrong here', place())
    this.#at.crc = isSound ? crc : Number.parseInt(claimed.slice(8, 16), 16) || 0
    if (line === undefined) return
    if (line.seq !== this.#at.seq + 1)
      this.#doubt('A1', `seq ${line.seq} comes after seq ${this.#at.seq}`, place())
    this.#at.seq = line.seq
    if (line.kind === 'open' && line.after !== this.#at.chain)
      this.#doubt('A3', 'goes on from elsewhere', place())
    this.#batch.push([line, at])
    if (line.chain !== undefined) this.#close(line, body, at)
    else this.#hash.update(bytes).update('\n')
    if (this.#batch.length >= BATCH_MAX) this.#handOn()
  }

  hole(bytes: number, at: Place): void {
    this.#doubt('A2', `${bytes} zeros where a record belongs`, { ...at, seq: this.#at.seq + 1 })
  }

  /** The journal ends here, with these bytes of an unfinished line; answers what is not counted as part of it. */
  end(place: Place, rest: number): TrailEnd {
    const { seq } = this.#at
    const wanted = this.#head?.seq ?? Infinity
    const from = this.#batch[0]?.[1] ?? place
    const isKnown = wanted >= (this.#batch[0]?.[0].seq ?? seq + 1)
    if (isKnown && rest > 0)
      this.#doubt('A2', `${rest} bytes of a record`, { ...place, seq: seq + 1 })
    const isOpen = !isKnown && (this.#batch.length > 0 || this.#doubts.length > 0 || rest > 0)
    const left = this.#batch.length
    if (isKnown) this.#handOn()
    const end = isKnown ? seq : seq - left
    const isShort = this.#head !== undefined && wanted > seq
    if (isShort)
      this.#listener.report('A1', `ends with seq ${seq}, but HEAD knew seq ${wanted}`, place)
    return { seq: end, records: this.#records, place: isOpen ? from : place, isOpen }
  }

  #close(line: Line, body: Buffer, at: Place): void {
    const expected = this.#hash.update(body.subarray(0, -CHAIN_LENGTH)).digest('hex')
    if (line.chain !== expected) this.#doubt('A3', 'the chain is broken here', placeOf(line, at))
    const count = this.#batch.length
    if (line.batch !== undefined && line.batch !== count)
      this.#doubt('A1', `ends a batch of ${line.batch}, and ${count} are there`, placeOf(line, at))
    this.#at.chain = String(line.chain)
    this.#hash = sha256(this.#at.chain)
    if (line.seq === this.#head?.seq && this.#at.chain !== this.#head.chain)
      this.#doubt('A3', 'HEAD knows another chain here', placeOf(line, at))
    this.#handOn()
    const offset = at.offset + body.length + CRC_LENGTH + 1
    this.#listener.onBatch({ file: at.file, offset }, this.#at)
  }

  #doubt(...finding: Parameters<Report>): void {
    this.#doubts.push(finding)
  }

  #handOn(): void {
    for (const finding of this.#doubts) this.#listener.report(...finding)
    for (const [line, at] of this.#batch) this.#listener.onRecord(line, at)
    this.#records += this.#batch.length
    this.#doubts = []
    this.#batch = []
  }
}

export type Position = { seq: number; crc: number; chain: string }
export type Head = Readonly<{ seq: number; chain: string }>

export type TrailListener = Readonly<{
  report: Report
  onRecord: (line: Line, at: Place) => void
  /** A batch ends here, and its records have been handed on. */
  onBatch: (place: Place, position: Readonly<Position>) => void
}>

type TrailEnd = Readonly<{ seq: number; records: number; place: Place; isOpen: boolean }>

const GENESIS: Position = { seq: 0, crc: 0, chain: '0'.repeat(64) }
const CRC_LENGTH = ',"crc":"00000000"}'.length
const CHAIN_LENGTH = ',"chain":""'.length + 64
/** More than requests can be open at a time: a journal whose chain is gone does not fill the memory. */
const BATCH_MAX = 100_000

const sha256 = (text: string) => createHash('sha256').update(text)

export function parsedLine(bytes: Buffer): Line | undefined {
  try {
    const line = JSON.parse(bytes.toString()) as Line
    return Number.isSafeInteger(line.seq) ? line : undefined
  } catch {
    return undefined // its crc has told already
  }
}
