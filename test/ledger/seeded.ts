/** Chance that a seed repeats exactly (mulberry32). */
export type Chance = Readonly<{
  /** A whole number from 0 up to, and without, the limit. */
  below: (limit: number) => number
  /** True in so many of a hundred cases. */
  percent: (of100: number) => boolean
  pick: <T>(list: readonly T[]) => T
}>

export function seeded(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    percent: (of100) => below(100) < of100,
    pick: <T>(list: readonly T[]): T => list[below(list.length)] as T,
  }
}
