import { workerData } from 'node:worker_threads'
import { replaySegments } from './recover.ts'
import { dbPaths } from './segments.ts'
import { readSnapshot, writeSnapshot } from './snapshot.ts'

const { dir, upTo } = workerData as { dir: string; upTo: number }
const paths = dbPaths(dir)
const { books, position } = replaySegments(paths, { snapshot: await readSnapshot(paths), upTo })
await writeSnapshot(paths, { books, segment: upTo, position })
