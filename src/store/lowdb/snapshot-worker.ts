import { workerData } from 'node:worker_threads'
import { makeSnapshot } from './make-snapshot.ts'

const { dir, upTo } = workerData as { dir: string; upTo: number }
await makeSnapshot(dir, upTo)
