import path from 'node:path'
import { moveSealed, type MovedSegment } from '../store/lowdb/move-sealed.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { systemClock } from './clock.ts'

export type ArchiveRequest = Readonly<{
  db: string
  to: string
  olderThanMs: number
  onSegment: (done: number, of: number) => void
}>

/** Moves sealed segments out of a data folder, whether a server runs on it or not: it never writes a sealed segment. */
export function archiveFolder({
  db,
  to,
  olderThanMs,
  onSegment,
}: ArchiveRequest): Promise<readonly MovedSegment[]> {
  const before = systemClock.nowMs() - olderThanMs
  return moveSealed(dbPaths(path.resolve(db)), { to: path.resolve(to), before, onSegment })
}
