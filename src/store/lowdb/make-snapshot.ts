import { replaySegments } from './recover.ts'
import { dbPaths } from './segments.ts'
import { readSnapshot, writeSnapshot } from './snapshot.ts'

/** Replays the sealed segments up to one of them on the snapshot that is there, and puts the next one in its place. */
export async function makeSnapshot(dir: string, upTo: number): Promise<void> {
  const paths = dbPaths(dir)
  const { books, position } = replaySegments(paths, { snapshot: await readSnapshot(paths), upTo })
  await writeSnapshot(paths, { books, segment: upTo, position })
}
