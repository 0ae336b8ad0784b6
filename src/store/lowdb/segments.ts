import fs from 'node:fs'
import path from 'node:path'

const NAME = /^([0-9]{8})\.jsonl$/

export const segmentFile = (segment: number): string => `${String(segment).padStart(8, '0')}.jsonl`

/** The numbers of the segments in a folder, ascending. */
export function segmentsIn(folder: string): readonly number[] {
  if (!fs.existsSync(folder)) return []
  return fs
    .readdirSync(folder)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

export type DbPaths = ReturnType<typeof dbPaths>

/** Every place in the data folder, named once. */
export const dbPaths = (dir: string) => ({
  dir,
  snapshot: path.join(dir, 'gateway.json'),
  previousSnapshot: path.join(dir, 'gateway.prev.json'),
  journal: path.join(dir, 'journal'),
  head: path.join(dir, 'journal', 'HEAD'),
  socket: path.join(dir, 'gateway.sock'),
  quarantine: path.join(dir, 'quarantine'),
  reserve: path.join(dir, 'reserve'),
})
