import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { readWhole } from './direct-file.ts'

const NAME = /^([0-9]{8})\.jsonl(?:\.gz)?$/

export const segmentFile = (segment: number): string => `${String(segment).padStart(8, '0')}.jsonl`

/** A sealed segment that both snapshots cover is packed beside where it lay: the same bytes, gzipped. */
export const packedFile = (file: string): string => `${file}.gz`

/** The numbers of the segments in a folder, packed or not, ascending. */
export function segmentsIn(folder: string): readonly number[] {
  if (!fs.existsSync(folder)) return []
  const numbers = fs.readdirSync(folder).flatMap((name) => NAME.exec(name)?.[1] ?? [])
  return [...new Set(numbers.map(Number))].sort((a, b) => a - b)
}

/** A segment's bytes, whether it is packed or not; it may be packed in this very moment. */
export function readSegmentBytes(file: string): Buffer {
  try {
    return readWhole(file)
  } catch (error) {
    if (!isMissing(error) || !fs.existsSync(packedFile(file))) throw error
    return gunzipSync(fs.readFileSync(packedFile(file)))
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

export type DbPaths = ReturnType<typeof dbPaths>

/** Every place in the data folder, named once. */
export const dbPaths = (dir: string) => ({
  dir,
  snapshot: path.join(dir, 'gateway.json'),
  previousSnapshot: path.join(dir, 'gateway.prev.json'),
  /** The books at the end of the last segment that was moved away: what the journal goes on from. */
  base: path.join(dir, 'archive', 'base.json'),
  journal: path.join(dir, 'journal'),
  head: path.join(dir, 'journal', 'HEAD'),
  socket: path.join(dir, 'gateway.sock'),
  usage: path.join(dir, 'usage'),
  quarantine: path.join(dir, 'quarantine'),
  reserve: path.join(dir, 'reserve'),
  /** Written when a backup was made and proven. */
  lastBackup: path.join(dir, 'last-backup.json'),
  /** Written when all of the books were audited. */
  lastAudit: path.join(dir, 'last-audit.json'),
})
