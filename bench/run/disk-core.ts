import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const writes = 300
const writeThem = `
const fd = fs.openSync(process.argv[1], fs.constants.O_CREAT | fs.constants.O_WRONLY | fs.constants.O_DSYNC, 0o600)
for (let n = 0; n < ${writes}; n++) fs.writeSync(fd, 'x'.repeat(4096), n * 4096)`

/**
 * Of two cores the second, where the disk tells it of writes that the first has asked for; else the first. On a core that
 * is not told, a gateway would wait besides for one idle core to wake the other, for each write.
 */
export function diskCore(folder: string): number {
  const file = join(folder, 'disk-core')
  const before = interrupts()
  execFileSync('taskset', ['-c', '0', process.execPath, '-e', writeThem, file])
  const after = interrupts()
  rmSync(file)
  return coreOf(before, after)
}

/** By line of the system's table: how many interrupts each core has had. */
export type Interrupts = ReadonlyMap<string, readonly number[]>

/** Of the line that grew most, the core that had nearly all of it. */
export function coreOf(before: Interrupts, after: Interrupts): number {
  const growths = [...after].map(([line, counts]) =>
    counts.map((count, core) => count - (before.get(line)?.[core] ?? 0)),
  )
  const [first = 0, second = 0] = growths.toSorted((a, b) => total(b) - total(a))[0] ?? []
  return second >= writes && second > 10 * first ? 1 : 0
}

/** Lines with a number: nearly all of them are devices. */
export function interrupts(text = readFileSync('/proc/interrupts', 'latin1')): Interrupts {
  const lines = text.split('\n').flatMap((line): [string, number[]][] => {
    const [, name, rest] = /^\s*(\d+):((?:\s+\d+)+)/.exec(line) ?? []
    return name === undefined || rest === undefined
      ? []
      : [[name, rest.trim().split(/\s+/).map(Number)]]
  })
  return new Map(lines)
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0)
