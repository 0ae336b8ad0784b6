/** Timers that fire when the simulation says so, and a clock that stands still between them. */
export type FakeTime = Readonly<{
  now: () => number
  hasTimer: () => boolean
  /** Goes on to the next timer and fires it. */
  advance: () => void
  /** A process that died fires no more timers. */
  forget: () => void
  /** Gives the real timers back. */
  restore: () => void
}>

type Timer = { at: number; order: number; fire: () => void }

/** 2027: journals say when, and nobody shall take these for real. */
const BEGINNING = 1_800_000_000_000

export function fakeTime(): FakeTime {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis
  const real = { setTimeout, clearTimeout, setInterval, clearInterval }
  const timers = new Set<Timer>()
  let [elapsed, order] = [0, 0]
  const set = (fire: () => void, ms = 0): object => {
    const timer = { at: elapsed + ms, order: order++, fire }
    timers.add(timer)
    return Object.assign(timer, { unref: () => timer, ref: () => timer })
  }
  const clear = (timer: Timer): boolean => timers.delete(timer)
  const repeat = (fire: () => void, ms = 0): object => {
    const again = () => {
      Object.assign(timer, { at: elapsed + ms, order: order++ })
      timers.add(timer)
      fire()
    }
    const timer = set(again, ms) as Timer
    return timer
  }
  Object.assign(globalThis, {
    ...{ setTimeout: set, clearTimeout: clear, setInterval: repeat, clearInterval: clear },
  })
  Object.defineProperty(performance, 'now', { value: () => elapsed, configurable: true })
  return {
    now: () => BEGINNING + elapsed,
    hasTimer: () => timers.size > 0,
    advance() {
      const [next] = [...timers].sort((a, b) => a.at - b.at || a.order - b.order)
      if (next === undefined) return
      timers.delete(next)
      elapsed = Math.max(elapsed, next.at)
      next.fire()
    },
    forget: () => {
      timers.clear()
    },
    restore() {
      Object.assign(globalThis, real)
      Reflect.deleteProperty(performance, 'now')
    },
  }
}

/** File system calls and connections: what a claim, HEAD, the reserve and snapshots are made with. */
const BUSY = /^(FSReq|CloseReq|PipeConnect)/

/**
 * Resolves when nothing moves any more but for what the simulation itself decides: the code has run as far as it can
 * without a disk call being answered or a timer being fired. This is what makes a seed repeat exactly.
 */
export async function untilQuiet(): Promise<void> {
  for (let calmTurns = 0; calmTurns < 3; calmTurns++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (process.getActiveResourcesInfo().some((name) => BUSY.test(name))) calmTurns = -1
  }
}
