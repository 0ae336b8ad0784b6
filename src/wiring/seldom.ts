const EVERY_MS = 60_000
const KEPT_MAX = 1_000

/** Whether something is to be told again: of each name once a minute, however often it comes. */
export function seldom(ticksMs: () => number): (name: string) => boolean {
  const untils = new Map<string, number>()
  return (name) => {
    const nowTicks = ticksMs()
    if (nowTicks < (untils.get(name) ?? -Infinity)) return false
    const [oldest] = untils.keys()
    untils.delete(name)
    if (untils.size >= KEPT_MAX && oldest !== undefined) untils.delete(oldest)
    untils.set(name, nowTicks + EVERY_MS)
    return true
  }
}
