import fs from 'node:fs'
import path from 'node:path'
import type { BookedEntry } from '../booked-entry.ts'
import { Contradiction, replay, type Books } from '../books.ts'
import type { JournalTail } from './journal.ts'
import type { Pace } from './pace.ts'
import { BadRecord, GENESIS, RecordReader, type Position } from './record.ts'
import { isMissing, readSegmentBytes, segmentFile, segmentsIn, type DbPaths } from './segments.ts'
import { booksFrom, readSnapshot, type Snapshot } from './snapshot.ts'
import { isTornBatch, lengthWithoutZeros } from './torn.ts'

/** The journal or a snapshot cannot be believed. The text names the file, the place and the next step. */
export class CorruptStore extends Error {
  override readonly name = 'CorruptStore'
}

export type Recovered = Readonly<{
  books: Books
  tail: JournalTail | undefined
  /** Bytes of a torn last write that were moved to quarantine. */
  tornBytes: number
}>

/** Rebuilds the books: the newest good snapshot, then the segments after it, each record checked. */
export async function recover(paths: DbPaths): Promise<Recovered> {
  const snapshot = await readSnapshot(paths)
  const books = booksFrom(snapshot)
  const segments = segmentsAfter(paths, snapshot)
  const reader = new RecordReader(snapshot ?? GENESIS)
  const head = readHead(paths)
  let tornBytes = 0
  let tail = emptyTail(snapshot)
  for (const segment of segments) {
    const file = path.join(paths.journal, segmentFile(segment))
    const read = readSegment(file, reader, { books, segment })
    if (segment !== segments.at(-1)) {
      if (read.bad !== undefined || read.end < read.bytes.byteLength) throw corrupt(read)
      continue
    }
    if (read.bad !== undefined)
      tornBytes = setAsideTorn(paths, { ...read, segment, head, seq: reader.position.seq })
    tail = tailOf(read, { segment, position: reader.position })
  }
  if (head !== undefined) expectReached(paths, tail, head)
  return { books, tail, tornBytes }
}

/** A sealed segment is never written again, so the journal goes on in the next one. */
function tailOf(
  read: SegmentRead,
  { segment, position }: { segment: number; position: Position },
): JournalTail {
  const { file, bytes, end, bad, isSealed } = read
  if (!isSealed) {
    const zeroedTo = bad === undefined && end > 0 ? bytes.byteLength : end
    return { segment, offset: end, zeroedTo, position }
  }
  if (end < bytes.byteLength) cut(file, end)
  return { segment: segment + 1, offset: 0, zeroedTo: 0, position }
}

/** What was durable once is there: a journal that ends earlier has lost it, however sound it looks. */
function expectReached(paths: DbPaths, tail: JournalTail | undefined, head: Head): void {
  const { segment, offset } = tail ?? { segment: 1, offset: 0 }
  if (segment > head.segment || (segment === head.segment && offset >= head.offset)) return
  const file = path.join(paths.journal, segmentFile(head.segment))
  const end = fs.existsSync(file)
    ? `${file}, offset ${segment === head.segment ? offset : 0}: the journal ends there`
    : `${file} is missing`
  throw new CorruptStore(
    `${end}, but it was durable up to offset ${head.offset} of segment ${head.segment}. ${NEXT_STEP}`,
  )
}

/** Replays sealed segments on top of a snapshot: how the next snapshot is made, away from the live books. */
export function replaySegments(
  paths: DbPaths,
  { snapshot, upTo, ...along }: Replay,
): { books: Books; position: Position } {
  const books = booksFrom(snapshot)
  const reader = new RecordReader(snapshot ?? GENESIS)
  for (const segment of segmentsAfter(paths, snapshot).filter((one) => one <= upTo)) {
    const file = path.join(paths.journal, segmentFile(segment))
    const read = readSegment(file, reader, { books, segment, ...along })
    if (read.bad !== undefined || read.end < read.bytes.byteLength) throw corrupt(read)
    along.witness?.end(read.end)
  }
  return { books, position: reader.position }
}

type Replay = Along & Readonly<{ snapshot: Snapshot | undefined; upTo: number }>
type Along = Readonly<{ pace?: Pace; witness?: Witness }>

/** Sees the entries of sealed segments as they are replayed; of a segment that is not sound it sees no end. */
export type Witness = Readonly<{
  begin: (segment: number, bytes: Buffer) => void
  enter: (entry: BookedEntry, offset: number) => void
  end: (offset: number) => void
}>

function emptyTail(snapshot: Snapshot | undefined): JournalTail | undefined {
  if (snapshot === undefined) return undefined
  const { segment, seq, crc, chain } = snapshot
  return { segment: segment + 1, offset: 0, zeroedTo: 0, position: { seq, crc, chain } }
}

function segmentsAfter(paths: DbPaths, snapshot: Snapshot | undefined): readonly number[] {
  const first = (snapshot?.segment ?? 0) + 1
  const segments = segmentsIn(paths.journal).filter((segment) => segment >= first)
  for (const [index, segment] of segments.entries()) {
    if (segment === first + index) continue
    const missing = path.join(paths.journal, segmentFile(first + index))
    throw new CorruptStore(`${missing} is missing, but later segments are there. ${NEXT_STEP}`)
  }
  return segments
}

type SegmentRead = Readonly<{
  file: string
  bytes: Buffer
  /** Where the last whole batch ends. */
  end: number
  isSealed: boolean
  /** The first thing behind it that is no sound record, nor zeros up to the end of the file. */
  bad: Bad | undefined
}>
type Bad = Readonly<{ offset: number; reason: string; cause?: unknown }>

/** Reads whole batches until the end, the zeros ahead of it, or something bad; a batch enters the books as one. */
function readSegment(file: string, reader: RecordReader, into: Into): SegmentRead {
  const bytes = readSegmentBytes(file)
  into.witness?.begin(into.segment, bytes)
  const batch: LocatedEntry[] = []
  let [offset, end, isSealed] = [0, 0, false]
  const result = (bad?: Bad): SegmentRead => ({ file, bytes, end, isSealed, bad })
  while (offset < bytes.byteLength && bytes[offset] !== 0) {
    try {
      const newline = bytes.indexOf(NEWLINE, offset)
      if (newline === -1) throw new BadRecord('it has no end')
      const { entry, endsBatch } = reader.read(bytes, offset, newline)
      batch.push({ entry, offset })
      offset = newline + 1
      if (!endsBatch) continue
      isSealed = entry.kind === 'seal'
    } catch (cause) {
      if (cause instanceof BadRecord) return result({ offset, reason: cause.message, cause })
      throw cause
    }
    enter(into, batch, file)
    into.pace?.()
    batch.length = 0
    end = offset
  }
  if (lengthWithoutZeros(bytes) > offset) return result({ offset, reason: 'it is all zeros' })
  return result(offset > end ? { offset, reason: 'the end of a batch belongs there' } : undefined)
}

type Into = Along & Readonly<{ books: Books; segment: number }>
type LocatedEntry = Readonly<{ entry: BookedEntry; offset: number }>
const NEWLINE = 10

function enter({ books, witness }: Into, batch: readonly LocatedEntry[], file: string): void {
  for (const { entry, offset } of batch) {
    try {
      replay(books, entry)
    } catch (cause) {
      if (!(cause instanceof Contradiction)) throw cause
      // Sound on the disk, impossible in the books: never a torn write.
      throw corrupt({ file, end: offset, bad: { offset, reason: cause.message, cause } })
    }
    witness?.enter(entry, offset)
  }
}

const NEXT_STEP =
  'Nothing was changed. Restore a backup, or let `node scripts/audit.js --salvage DIR` write what is sound into another ' +
  'folder; `node scripts/audit.js` shows what is wrong.'

function corrupt({ file, end, bad }: Pick<SegmentRead, 'file' | 'end' | 'bad'>): CorruptStore {
  const { offset, reason, cause } = bad ?? { offset: end, reason: 'zeros behind a sealed segment' }
  return new CorruptStore(
    `${file}, offset ${offset}: bad record (${reason}). This is damage, not a torn write, so Tollgate does not start ` +
      `on it. ${NEXT_STEP}`,
    { cause },
  )
}

type TornRead = SegmentRead & Readonly<{ segment: number; seq: number; head: Head | undefined }>

/** A last batch behind HEAD that was torn was never acknowledged: it is moved aside, and the books end before it. */
function setAsideTorn(paths: DbPaths, read: TornRead): number {
  const { file, bytes, end, segment, head, bad } = read
  const isBehindHead =
    head !== undefined &&
    (head.segment < segment || (head.segment === segment && end >= head.offset))
  const tail = bytes.subarray(end, lengthWithoutZeros(bytes))
  const place = { at: end, bad: bad?.offset ?? end, seq: read.seq + 1 }
  if (!isBehindHead || !isTornBatch(tail, place)) throw corrupt(read)
  fs.mkdirSync(paths.quarantine, { recursive: true, mode: 0o700 })
  const name = `${segmentFile(segment)}.${end}.${Date.now()}.torn`
  fs.writeFileSync(path.join(paths.quarantine, name), tail, { mode: 0o600, flush: true })
  cut(file, end)
  return tail.byteLength
}

function cut(file: string, length: number): void {
  const fd = fs.openSync(file, 'r+')
  fs.ftruncateSync(fd, length)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

type Head = Readonly<{ segment: number; offset: number; seq: number; chain: string }>

function readHead(paths: DbPaths): Head | undefined {
  try {
    return JSON.parse(fs.readFileSync(paths.head, 'utf8')) as Head
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined // every bad tail counts as damage then
    throw error
  }
}
