import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { alignedMemory } from './block-disk.ts'
import { DirectFile, PIECE_BYTES } from './direct-file.ts'
import type { Pace } from './pace.ts'
import { packedFile, segmentFile, segmentsIn, type DbPaths } from './segments.ts'
import { syncFolder } from './write-whole.ts'

export type PackRequest = Readonly<{
  /** The last segment that both snapshots cover: no start reads it any more, unless both are lost. */
  upTo: number
  pace: Pace
  isEnough: () => boolean
}>

/**
 * Packs sealed segments where they lie. The plain file goes only when the packed one is on the disk, whole, and unpacks
 * to the same bytes; a crash or a full disk at any moment leaves the plain one, and the next time does it again.
 */
export function packSealed(paths: DbPaths, { upTo, pace, isEnough }: PackRequest): void {
  for (const segment of segmentsIn(paths.journal)) {
    if (segment > upTo || isEnough()) return
    const file = path.join(paths.journal, segmentFile(segment))
    if (fs.existsSync(file)) packSegment(file, pace)
  }
}

/**
 * Level 1 is hardly faster and needs up to a tenth more bytes; level 3 takes up to a third longer for a twentieth less.
 * With all the memory that it may have it makes fewer blocks: packing and unpacking take a tenth less time.
 */
const PACKING = { level: 2, memLevel: 9, chunkSize: PIECE_BYTES / 4 }

/** Each a gzip member of its own: together they are one gzip file, and none takes long. */
type Piece = Readonly<{ from: number; bytes: number; packedBytes: number }>

function packSegment(file: string, pace: Pace): void {
  const temporary = `${packedFile(file)}.${randomBytes(6).toString('hex')}.tmp`
  const plain = new DirectFile(file)
  const packed = fs.openSync(temporary, 'wx+', 0o600)
  try {
    const pieces = writePieces(plain, packed, pace)
    fs.fsyncSync(packed)
    checkPieces({ plain, packed, pieces, file }, pace)
    fs.renameSync(temporary, packedFile(file))
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  } finally {
    plain.close()
    fs.closeSync(packed)
  }
  syncFolder(path.dirname(file))
  fs.rmSync(file)
}

function writePieces(plain: DirectFile, packed: number, pace: Pace): Piece[] {
  const pieces: Piece[] = []
  const memory = alignedMemory(PIECE_BYTES)
  for (let from = 0; ;) {
    const bytes = plain.read(memory, from)
    if (bytes === 0) return pieces
    const piece = gzipSync(memory.subarray(0, bytes), PACKING)
    writeAll(packed, piece)
    pieces.push({ from, bytes, packedBytes: piece.length })
    from += bytes
    pace()
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let from = 0; from < bytes.length;) from += fs.writeSync(fd, bytes, from)
}

/** Unpacked in one go: in the usual sixteen kilobytes at a time it takes a third longer. */
const WHOLE_PIECE = { chunkSize: PIECE_BYTES }

type Packed = Readonly<{
  plain: DirectFile
  packed: number
  pieces: readonly Piece[]
  file: string
}>

function checkPieces({ plain, packed, pieces, file }: Packed, pace: Pace): void {
  const memory = alignedMemory(PIECE_BYTES)
  let at = 0
  for (const { from, packedBytes } of pieces) {
    const unpacked = gunzipSync(readAt(packed, Buffer.alloc(packedBytes), at), WHOLE_PIECE)
    if (!unpacked.equals(memory.subarray(0, plain.read(memory, from))))
      throw new Error(`${file} unpacks to other bytes than were packed, from offset ${from} on`)
    at += packedBytes
    pace()
  }
}

const readAt = (fd: number, into: Buffer, from: number): Buffer =>
  into.subarray(0, fs.readSync(fd, into, 0, into.length, from))
