import { describe, expect, test } from 'vitest'
import type { Clock } from '../ports/clock.ts'
import { Watch } from './watch.ts'

/** A clock that stands still until it is moved. */
function handClock() {
  let now = 0
  let timers: { at: number; run: () => void }[] = []
  const clock: Clock = {
    nowMs: () => now,
    ticksMs: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => (timers = timers.filter((one) => one !== timer))
    },
  }
  function forward(ms: number): void {
    const end = now + ms
    for (;;) {
      const next = timers.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      timers = timers.filter((one) => one !== next)
      now = next.at
      next.run()
    }
    now = end
  }
  return { clock, forward, timers: () => timers.length }
}

describe('a watch', () => {
  test('runs a duty when it falls due, and not before', () => {
    const { clock, forward } = handClock()
    const ran: number[] = []
    let due = 100
    const run = () => {
      ran.push(clock.ticksMs())
      due = Infinity
    }
    new Watch(clock, [{ dueAt: () => due, run }])
    forward(99)
    expect(ran).toEqual([])
    forward(1)
    expect(ran).toEqual([100])
    forward(1_000)
    expect(ran).toEqual([100])
  })

  test('waits on when a due time has moved later, without being told', () => {
    const { clock, forward } = handClock()
    let due = 100
    let runs = 0
    const run = () => {
      runs++
      due = Infinity
    }
    new Watch(clock, [{ dueAt: () => due, run }])
    forward(60)
    due = 160
    forward(99)
    expect(runs).toBe(0)
    forward(1)
    expect(runs).toBe(1)
  })

  test('told that a due time has moved earlier, is in time for it', () => {
    const { clock, forward } = handClock()
    const ran: number[] = []
    let due = 1_000
    const run = () => {
      ran.push(clock.ticksMs())
      due = Infinity
    }
    const watch = new Watch(clock, [{ dueAt: () => due, run }])
    due = 50
    watch.rearm()
    forward(2_000)
    expect(ran).toEqual([50])
  })

  test('repeats what sets its next time', () => {
    const { clock, forward } = handClock()
    const ran: number[] = []
    let last = 0
    const run = () => {
      last = clock.ticksMs()
      ran.push(last)
    }
    new Watch(clock, [{ dueAt: () => last + 10, run }])
    forward(35)
    expect(ran).toEqual([10, 20, 30])
  })

  test('keeps one timer for all its duties, and runs each in its time', () => {
    const { clock, forward, timers } = handClock()
    const ran: string[] = []
    const due = { a: 30, b: 10 }
    const duty = (name: 'a' | 'b') => ({
      dueAt: () => due[name],
      run: () => {
        ran.push(`${name}${clock.ticksMs()}`)
        due[name] = Infinity
      },
    })
    const watch = new Watch(clock, [duty('a'), duty('b')])
    watch.rearm()
    expect(timers()).toBe(1)
    forward(100)
    expect(ran).toEqual(['b10', 'a30'])
  })

  test('stopped runs nothing more and leaves no timer, also when a duty stops it', () => {
    const { clock, forward, timers } = handClock()
    let runs = 0
    const watch = new Watch(clock, [
      {
        dueAt: () => 10,
        run: () => {
          runs++
          watch.stop()
        },
      },
      { dueAt: () => 10, run: () => runs++ },
    ])
    forward(100)
    expect({ runs, timers: timers() }).toEqual({ runs: 1, timers: 0 })
    watch.rearm()
    expect(timers()).toBe(0)
  })

  test('notices within five seconds that a due time has moved nearer', () => {
    const { clock, forward } = handClock()
    const ran: number[] = []
    let due = 100_000
    const run = () => {
      ran.push(clock.ticksMs())
      due = Infinity
    }
    new Watch(clock, [{ dueAt: () => due, run }])
    forward(12_000)
    due = 12_100
    forward(5_000)
    expect(ran).toEqual([15_000])
  })
})
