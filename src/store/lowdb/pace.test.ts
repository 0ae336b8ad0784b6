import { expect, test } from 'vitest'
import { hurry, newUrgency, unhurriedPace } from './pace.ts'

/** A core whose time passes as it is told; `busy`: from when to when the others want all of it. */
function bedFor(leftMs: number, busy: readonly [from: number, to: number]) {
  const [from, to] = busy
  let [now, worked] = [0, 0]
  const urgency = newUrgency()
  const busyMs = (): number => Math.max(0, Math.min(now, to) - from)
  const pace = unhurriedPace(urgency, leftMs, {
    nowMs: () => now,
    usedMs: () => worked + busyMs(),
    sleep: (ms) => (now += Atomics.load(urgency, 0) === 0 ? ms : 0),
  })
  pace() // as its owner does before it begins
  const begunMs = now
  /** When it has done so much work. */
  const work = (ms: number): number => {
    for (let done = 0; done < ms; done++) {
      now++
      worked++
      pace()
    }
    return now
  }
  return { work, urgency, begunMs }
}

test('work in the background takes a quarter of a core while the others are quiet', () => {
  const bed = bedFor(60_000, [0, 0])
  expect(bed.work(1_000) - bed.begunMs).toBe(4_000)
})

test('it waits while the others want the core, and goes on when they do not', () => {
  const bed = bedFor(60_000, [0, 10_000])
  expect(bed.begunMs).toBeGreaterThan(10_000)
  expect(bed.work(1_000)).toBeLessThan(14_500)
})

test('it gives way again to those who come back', () => {
  const bed = bedFor(60_000, [1_000, 20_000])
  expect(bed.work(240)).toBeLessThan(1_000)
  expect(bed.work(30)).toBeGreaterThan(20_000)
})

test.each([3_000, 10_000, 60_000])(
  'without a quiet moment it is done before the next segment is full, in %d ms',
  (leftMs) => {
    const endMs = bedFor(leftMs, [0, Infinity]).work(1_200)
    expect(endMs).toBeGreaterThan(leftMs / 2)
    expect(endMs).toBeLessThan(leftMs)
  },
)

test('nobody waits for more than a minute, however long a segment takes to fill', () => {
  expect(bedFor(86_400_000, [0, Infinity]).work(10)).toBeLessThan(61_000)
})

test('in a hurry it neither waits nor rests', () => {
  const bed = bedFor(60_000, [0, Infinity])
  hurry(bed.urgency, 'hurry')
  expect(bed.work(1_000) - bed.begunMs).toBe(1_000)
})
