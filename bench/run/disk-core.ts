import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const writes = 300

/**
 * The core of two that is told when a write has reached the disk, or the first one where that is either of them. On the
 * other core a gateway would wait besides for one core to wake the other, twice a request, as long as that is idle.
 */
export function diskCore(folder: string): number {
  const file = join(folder, 'disk-core')
  const before = interrupts()
  const fd = openSync(file, constants.O_CREAT | constants.O_WRONLY | constants.O_DSYNC, 0o600)
  for (let n = 0; n < writes; n++) writeSync(fd, 'x'.repeat(4096), n * 4096)
  closeSync(fd)
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

/** Lines with a number are devices; the others are the cores' own affairs. */
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
