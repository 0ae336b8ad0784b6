import fs from 'node:fs'
import path from 'node:path'
import type { JournalEnd } from '../journal.ts'
import { isMissing, packedFile, segmentFile, segmentsIn, type DbPaths } from '../segments.ts'
import { soundSnapshot, type Snapshot } from '../snapshot.ts'
import { once } from './backup-file.ts'
import type { TarEntry } from './tar.ts'

/** The names of a segment, also when it is packed. */
export const SEGMENT = /^([0-9]{8})\.jsonl(\.gz)?$/

/**
 * The files of the books up to a durable end of the journal, while a server may go on writing behind it: sealed
 * segments never change, and of the one that is written everything up to the end stays as it is.
 *
 * `snapshot` must have been read before the end was asked for, or it could cover what is not in the copy.
 */
export async function* copyBooks(
  paths: DbPaths,
  { end, snapshot }: { end: JournalEnd; snapshot: Buffer | undefined },
): AsyncGenerator<TarEntry, void> {
  // Opened first: on a busy server it may be sealed and packed before its turn comes.
  const active = await fs.promises.open(path.join(paths.journal, segmentFile(end.segment)), 'r')
  try {
    if (snapshot !== undefined)
      yield { name: 'db/gateway.json', size: snapshot.length, body: once(snapshot) }
    yield* archiveNotes(paths)
    yield* segmentsBefore(paths, end.segment)
    const name = `db/journal/${segmentFile(end.segment)}`
    yield { name, size: end.offset, body: bytesOf(active, end.offset) }
  } finally {
    await active.close()
  }
  const { segment, offset, seq, chain } = end
  const head = Buffer.from(JSON.stringify({ segment, offset, seq, chain }))
  yield { name: 'db/journal/HEAD', size: head.length, body: once(head) }
}

/** The newest sound snapshot as it stands in its file. */
export async function readSnapshotBytes(paths: DbPaths): Promise<Buffer | undefined> {
  for (const file of [paths.snapshot, paths.previousSnapshot]) {
    const bytes = await fs.promises.readFile(file).catch(() => undefined) // absent: the next one, or none
    if (bytes !== undefined && parseSnapshot(bytes, file) !== undefined) return bytes
  }
  return undefined
}

export function parseSnapshot(bytes: Buffer, file: string): Snapshot | undefined {
  try {
    return soundSnapshot(JSON.parse(bytes.toString()) as Snapshot | null, file)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined // half-written: as good as absent
    throw error
  }
}

/** What the folder knows of segments that were moved elsewhere: where the books go on from, and from what. */
export async function* archiveNotes(paths: DbPaths): AsyncGenerator<TarEntry, void> {
  const folder = path.join(paths.dir, 'archive')
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  for (const name of names.filter((one) => ARCHIVE_NOTE.test(one))) {
    const bytes = await fs.promises.readFile(path.join(folder, name))
    yield { name: `db/archive/${name}`, size: bytes.length, body: once(bytes) }
  }
}

const ARCHIVE_NOTE = /^[\w-]+\.json$/

/** Segments in their order, plain or packed, up to the one before `end`. */
export async function* segmentsBefore(paths: DbPaths, end: number): AsyncGenerator<TarEntry, void> {
  for (const segment of segmentsIn(paths.journal))
    if (segment < end) yield* readSegment(paths, segment)
}

async function* readSegment(paths: DbPaths, segment: number): AsyncGenerator<TarEntry, void> {
  const { handle, name } = await openSegment(paths, segmentFile(segment))
  try {
    const { size } = await handle.stat()
    yield { name: `db/journal/${name}`, size, body: bytesOf(handle, size) }
  } finally {
    await handle.close()
  }
}

/** Plain or packed; it may be packed in this very moment, and then the plain one goes when the packed one is there. */
async function openSegment(paths: DbPaths, plain: string) {
  for (const name of [plain, packedFile(plain)]) {
    try {
      return { name, handle: await fs.promises.open(path.join(paths.journal, name), 'r') }
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
  throw new Error(`${plain} was moved away while the backup was made. Make it again.`)
}

const PIECE = 256 * 1024

export async function* bytesOf(
  handle: fs.promises.FileHandle,
  size: number,
): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < size;) {
    const piece = Buffer.alloc(Math.min(PIECE, size - at))
    const { bytesRead } = await handle.read(piece, 0, piece.length, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield piece.subarray(0, bytesRead)
  }
}
