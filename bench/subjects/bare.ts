import { join } from 'node:path'
import { startNode } from '../run/child.ts'
import { untilListening } from './loopback.ts'
import { profileArgs, type Bed, type Subject, type SubjectName } from './subject.ts'

/** `bare2` is the same program again: what its ratio strays from 1.0 is the noise of the run. */
export async function startBare(name: SubjectName, bed: Bed): Promise<Subject> {
  const child = startNode({
    core: bed.cores.gateway,
    args: [...profileArgs(bed), join(bed.compiled, 'bare.js')],
    env: { UPSTREAM: `http://127.0.0.1:${bed.upstreamPort}` },
  })
  const port = await untilListening(child)
  return { name, child, port, headers: { authorization: 'Bearer bench-key' } }
}
