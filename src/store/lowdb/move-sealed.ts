import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { claimFolder } from './claim.ts'
import type { Pace } from './pace.ts'
import { replaySegments } from './recover.ts'
import { packedFile, segmentFile, segmentsIn, type DbPaths } from './segments.ts'
import { readSnapshotFile, writeBase } from './snapshot.ts'
import { removeLeftovers, syncFolder, writeWhole } from './write-whole.ts'

export type MoveRequest = Readonly<{
  to: string
  /** Segments whose last entry is older, in Unix milliseconds. */
  before: number
  pace?: Pace
  onSegment?: (done: number, of: number) => void
}>

/** What a segment is, for whoever has to prove it without the ones around it. */
export type MovedSegment = Readonly<{
  segment: number
  file: string
  /** Of the packed file. */
  sha256: string
  packedBytes: number
  bytes: number
  firstSeq: number
  lastSeq: number
  /** The chain value that the segment goes on from, and the one that it ends with. */
  after: string
  chain: string
  /** Of the last entry. */
  at: number
}>

type Manifest = Readonly<{ format: 'tollgate-archive/1'; segments: readonly MovedSegment[] }>

export const MANIFEST = 'manifest.json'

/**
 * Moves the oldest packed segments to another folder. First they are there, whole and on the disk, and so is a manifest;
 * then the books at their end become the base that the journal goes on from; only then they go from here. A crash at any
 * moment leaves each of them in one place at least, and the next time finishes the work.
 */
export async function moveSealed(
  paths: DbPaths,
  request: MoveRequest,
): Promise<readonly MovedSegment[]> {
  const folder = path.dirname(paths.base)
  for (const dir of [folder, request.to]) fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
  const alone = { dir: folder, socket: path.join(folder, 'none.sock'), purpose: 'command' } as const
  const claim = await claimFolder(alone)
  try {
    for (const dir of [folder, request.to]) removeLeftovers(dir)
    return await move(paths, request)
  } finally {
    claim.release()
  }
}

async function move(paths: DbPaths, { to, before, pace, onSegment }: MoveRequest) {
  const base = await readSnapshotFile(paths.base)
  const movable = await movableSegments(paths, { before, base: base?.segment ?? 0 })
  const last = movable.at(-1)
  if (last === undefined) return []
  for (const [index, { file }] of movable.entries()) {
    copyWhole(file, path.join(to, path.basename(file)))
    pace?.()
    onSegment?.(index + 1, movable.length)
  }
  syncFolder(to)
  const moved = movable.map((one) => one.moved)
  writeManifest(to, moved)
  if (last.moved.segment > (base?.segment ?? 0)) {
    const upTo = last.moved.segment
    const replayed = replaySegments(paths, { snapshot: base, upTo, ...(pace && { pace }) })
    await writeBase(paths, { ...replayed, segment: upTo })
  }
  writeManifest(path.dirname(paths.base), moved, to)
  for (const { file } of movable) fs.rmSync(file)
  syncFolder(paths.journal)
  return moved
}

type Movable = Readonly<{ file: string; moved: MovedSegment }>

/** From the oldest on: packed, covered by both snapshots, and old enough; what an unfinished move left is so, too. */
async function movableSegments(
  paths: DbPaths,
  { before, base }: { before: number; base: number },
): Promise<Movable[]> {
  const snapshots = [paths.snapshot, paths.previousSnapshot].map(readSnapshotFile)
  const covered = Math.min(...(await Promise.all(snapshots)).map((one) => one?.segment ?? 0))
  const movable: Movable[] = []
  for (const segment of segmentsIn(paths.journal)) {
    const plain = path.join(paths.journal, segmentFile(segment))
    const file = packedFile(plain)
    if (segment > Math.max(covered, base) || fs.existsSync(plain)) break
    const moved = describe(file, segment)
    if (segment > base && moved.at >= before) break
    movable.push({ file, moved })
  }
  return movable
}

function describe(file: string, segment: number): MovedSegment {
  const packed = fs.readFileSync(file)
  const bytes = gunzipSync(packed)
  const first = lineOf(bytes, 0)
  const last = lineOf(bytes, bytes.lastIndexOf(10, -2) + 1)
  return {
    ...{ segment, file: path.basename(file), sha256: sha256(packed) },
    ...{ packedBytes: packed.length, bytes: bytes.length, at: last.at },
    ...{ firstSeq: first.seq, lastSeq: last.seq, after: first.after, chain: last.chain },
  }
}

/** The first line of a segment is `open`, the last is `seal`, and ends a batch. */
type EdgeLine = Readonly<{ seq: number; at: number; after: string; chain: string }>

const lineOf = (bytes: Buffer, from: number): EdgeLine =>
  JSON.parse(bytes.toString('utf8', from, bytes.indexOf(10, from))) as EdgeLine

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

function copyWhole(from: string, to: string): void {
  const bytes = fs.readFileSync(from)
  if (fs.existsSync(to) && fs.readFileSync(to).equals(bytes)) return
  if (fs.existsSync(to))
    throw new Error(`${to} is there already and is another segment. Name another folder by --to.`)
  writeWhole(to, bytes)
  if (fs.readFileSync(to).equals(bytes)) return
  fs.rmSync(to)
  throw new Error(`${to} does not have what was written to it. Nothing was removed.`)
}

/** What was moved before stays in it. */
function writeManifest(folder: string, moved: readonly MovedSegment[], to?: string): void {
  const file = path.join(folder, MANIFEST)
  const known = fs.existsSync(file)
    ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Manifest).segments
    : []
  const all = new Map(
    [...known, ...moved.map((one) => (to === undefined ? one : { ...one, to }))].map((one) => [
      one.segment,
      one,
    ]),
  )
  const segments = [...all.values()].sort((a, b) => a.segment - b.segment)
  writeWhole(file, `${JSON.stringify({ format: 'tollgate-archive/1', segments }, null, 1)}\n`)
  syncFolder(folder)
}
