import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { root, type GatewayProcess } from './gateway-process.ts'

/**
 * The environment of a gateway in which something is planted that SIGUSR2 sets off; plant.mjs knows what there is. Its
 * memory is looked at, so each buffer has pages of its own, which are given back when it is freed: by itself the allocator
 * keeps what was freed below a piece in use, up to 60 MB after a flood, and nobody could tell that from a leak.
 */
export const planted = (plant = 'none'): Readonly<Record<string, string>> => ({
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '16384',
  MALLOC_TRIM_THRESHOLD_: '131072',
  NODE_OPTIONS: `--import ${path.join(root, 'test', 'support', 'plant.mjs')}`,
  PLANT: plant,
})

type Collected = Readonly<{
  timers: number
  /** Objects, and the buffers that they have. */
  aliveBytes: number
  /** What the engine keeps for objects to come: more or less of it, by what it made of the last seconds. */
  spareBytes: number
  /** What is in the prototype of all objects, and should not be. */
  inherited: string
}>

/** Has a gateway in which anything is planted clear its garbage away: what the engine has not got round to is no leak. */
export async function collected({ process, output }: GatewayProcess): Promise<Collected> {
  // Wherever it stands: what is written to the two outputs comes in any order.
  const found = (): string[] =>
    output().match(/collected: \d+ timers, .*? to spare, inherited: \[.*?\]/g) ?? []
  const before = found().length
  process.kill('SIGWINCH')
  while (found().length === before) await pause(20)
  const said = found().at(-1) ?? ''
  const [timers = NaN, aliveBytes = NaN, spareBytes = NaN] = (said.match(/\d+/g) ?? []).map(Number)
  return { timers, aliveBytes, spareBytes, inherited: /\[(.*)\]/.exec(said)?.[1] ?? '' }
}
