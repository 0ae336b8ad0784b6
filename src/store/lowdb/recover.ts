import fs from 'node:fs'
import path from 'node:path'
import { Contradiction, replay, type Books } from '../books.ts'
import type { JournalTail } from './journal.ts'
import { BadRecord, follows, GENESIS, RecordReader, type Position } from './record.ts'
import { segmentFile, segmentsIn, type DbPaths } from './segments.ts'
import { booksFrom, readSnapshot, type Snapshot } from './snapshot.ts'

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
  let tornBytes = 0
  let tail = emptyTail(snapshot)
  for (const segment of segments) {
    const isLast = segment === segments.at(-1)
    const read = readSegment(path.join(paths.journal, segmentFile(segment)), reader, books)
    if (read.bad !== undefined) {
      if (!isLast) throw corrupt(read)
      tornBytes = setAsideTorn(paths, { segment, ...read, bad: read.bad })
    }
    tail = { segment, offset: read.end, position: reader.position, unchained: reader.unchained }
  }
  return { books, tail, tornBytes }
}

/** Replays sealed segments on top of a snapshot: how the next snapshot is made, away from the live books. */
export function replaySegments(
  paths: DbPaths,
  { snapshot, upTo }: { snapshot: Snapshot | undefined; upTo: number },
): { books: Books; position: Position } {
  const books = booksFrom(snapshot)
  const reader = new RecordReader(snapshot ?? GENESIS)
  for (const segment of segmentsAfter(paths, snapshot).filter((one) => one <= upTo)) {
    const read = readSegment(path.join(paths.journal, segmentFile(segment)), reader, books)
    if (read.bad !== undefined) throw corrupt(read)
  }
  return { books, position: reader.position }
}

function emptyTail(snapshot: Snapshot | undefined): JournalTail | undefined {
  if (snapshot === undefined) return undefined
  const { segment, seq, crc, chain } = snapshot
  return { segment: segment + 1, offset: 0, position: { seq, crc, chain }, unchained: '' }
}

function segmentsAfter(paths: DbPaths, snapshot: Snapshot | undefined): readonly number[] {
  const first = (snapshot?.segment ?? 0) + 1
  const segments = segmentsIn(paths.journal).filter((segment) => segment >= first)
  for (const [index, segment] of segments.entries()) {
    if (segment === first + index) continue
    const missing = path.join(paths.journal, segmentFile(first + index))
    throw new CorruptStore(
      `${missing} is missing, but later segments are there. Put it back from a backup; nothing was changed.`,
    )
  }
  return segments
}

type SegmentRead = Readonly<{
  file: string
  bytes: Buffer
  /** Where the good records end. */
  end: number
  bad: Error | undefined
}>

/** Reads records until the end of the file or the first bad one. */
function readSegment(file: string, reader: RecordReader, books: Books): SegmentRead {
  const bytes = fs.readFileSync(file)
  let end = 0
  while (end < bytes.byteLength) {
    const newline = bytes.indexOf(10, end)
    try {
      if (newline === -1) throw new BadRecord('it has no end')
      replay(books, reader.read(bytes.toString('utf8', end, newline)).entry)
    } catch (error) {
      if (error instanceof BadRecord) return { file, bytes, end, bad: error }
      if (!(error instanceof Contradiction)) throw error
      throw corrupt({ file, end, bad: error }) // sound on the disk, impossible in the books: never a torn write
    }
    end = newline + 1
  }
  return { file, bytes, end, bad: undefined }
}

const corrupt = ({ file, end, bad }: Pick<SegmentRead, 'file' | 'end' | 'bad'>): CorruptStore =>
  new CorruptStore(
    `${file}, offset ${end}: bad record (${bad?.message ?? 'unreadable'}). This is damage, not a torn write, so ` +
      'Tollgate does not start on it. Restore a backup; `node scripts/audit.js` shows what is wrong. Nothing was changed.',
    { cause: bad },
  )

/**
 * A bad tail behind HEAD was never acknowledged: it is moved aside and the books end before it. Anything bad before
 * HEAD, or with good records behind it, is damage.
 */
function setAsideTorn(paths: DbPaths, read: SegmentRead & { segment: number; bad: Error }): number {
  const head = readHead(paths)
  const isBehindHead =
    head !== undefined &&
    (head.segment < read.segment || (head.segment === read.segment && read.end >= head.offset))
  if (!isBehindHead || hasGoodRecords(read.bytes.toString('utf8', read.end))) throw corrupt(read)
  fs.mkdirSync(paths.quarantine, { recursive: true, mode: 0o700 })
  const name = `${segmentFile(read.segment)}.${read.end}.${Date.now()}.torn`
  fs.writeFileSync(path.join(paths.quarantine, name), read.bytes.subarray(read.end), {
    mode: 0o600,
    flush: true,
  })
  const fd = fs.openSync(read.file, 'r+')
  fs.ftruncateSync(fd, read.end)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
  return read.bytes.byteLength - read.end
}

function hasGoodRecords(text: string): boolean {
  const lines = text.split('\n')
  return lines.some((line, index) => index > 0 && follows(line, lines[index - 1] ?? ''))
}

type Head = Readonly<{ segment: number; offset: number; seq: number; chain: string }>

function readHead(paths: DbPaths): Head | undefined {
  try {
    return JSON.parse(fs.readFileSync(paths.head, 'utf8')) as Head
  } catch {
    return undefined // absent or torn: then every bad tail counts as damage
  }
}
