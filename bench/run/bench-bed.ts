import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { startNode, type Child } from './child.ts'
import { compileBench } from './compile.ts'
import { diskCore } from './disk-core.ts'
import { untilListening } from '../subjects/loopback.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { UsageError } from './options.ts'
import type { Bed } from '../subjects/subject.ts'

/** A gateway has two sockets a stream; 5000 streams and some room. */
const openFilesNeeded = 10_500
const memoryFilesystems = new Set([0x01021994, 0x858458f6]) // tmpfs, ramfs

/** Makes the run's scratch folder, compiles the bench into it and starts the upstream. */
export async function makeBed(
  root: string,
  say: (line: string) => void,
): Promise<{ bed: Bed; upstream: Child }> {
  checkMachine()
  const openFiles = openFilesMax()
  if (openFiles < openFilesNeeded) {
    say(`"memory" needs ${openFilesNeeded} open files, the limit is ${openFiles} (ulimit -Hn)`)
  }
  await oneAtATime(say)
  const scratch = makeScratch(join(root, 'bench', '.scratch'))
  const compiled = join(scratch, 'compiled')
  compileBench(join(root, 'bench'), compiled)
  const gateway = diskCore(scratch)
  const cores = { gateway, others: 1 - gateway }
  const upstream = startNode({ core: cores.others, args: [join(compiled, 'upstream.js')] })
  const upstreamPort = await untilListening(upstream)
  return {
    bed: { root, scratch, compiled, upstreamPort, cores, profileFolder: undefined },
    upstream,
  }
}

function checkMachine(): void {
  if (!existsSync('/proc/self/schedstat'))
    throw new UsageError('the bench needs Linux and its /proc')
  if (availableParallelism() < 2) throw new UsageError('the bench needs two cores')
}

/** The hard limit: Node raises its own soft limit to it. */
function openFilesMax(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1')
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1]
  return hard === undefined ? Infinity : Number(hard)
}

function makeScratch(parent: string): string {
  const scratch = join(parent, `run-${process.pid}`)
  mkdirSync(scratch, { recursive: true })
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }))
  removeLeftovers(parent)
  if (memoryFilesystems.has(statfsSync(scratch).type)) {
    throw new UsageError(`${parent} is in memory: disk syncs would cost nothing there`)
  }
  return scratch
}

/** A run that was killed outright could not clean up. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = name.replace('run-', '')
    if (!existsSync(`/proc/${pid}`)) rmSync(join(parent, name), { recursive: true, force: true })
  }
}
