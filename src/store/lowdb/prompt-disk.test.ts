import { expect, test } from 'vitest'
import { nodeDisk } from './disk.ts'
import { promptDisk } from './prompt-disk.ts'

const ENTRIES = Buffer.from('an entry\n')

type Landing = () => void

/** A disk whose writes take as long as it is told, by a clock of its own. */
function newBed() {
  const bed = { nowMs: 0, takesMs: 0.1, mayWait: true, fails: false, landings: [] as Landing[] }
  const disk = promptDisk(
    {
      ...nodeDisk,
      append: (_fd, bytes) =>
        new Promise((resolve) => bed.landings.push(() => resolve(bytes.byteLength))),
      appendNow(_fd, bytes) {
        bed.nowMs += bed.takesMs
        if (bed.fails) throw new Error('no room')
        return bytes.byteLength
      },
    },
    { mayWait: () => bed.mayWait, ticksMs: () => bed.nowMs },
  )
  /** Whether the entries are on the disk when it returns; where they are not, another thread is at it. */
  const isAtOnce = (bytes = ENTRIES): boolean => {
    const writing = disk.append(0, bytes, 0)
    if (typeof writing === 'number') expect(writing).toBe(bytes.byteLength)
    return typeof writing === 'number'
  }
  const land = async (): Promise<void> => {
    for (const landing of bed.landings.splice(0)) landing()
    await new Promise(setImmediate)
  }
  const isSlow = (): boolean => {
    for (let writes = 0; writes < 100; writes++) if (!isAtOnce()) return true
    return false
  }
  return Object.assign(bed, { isAtOnce, land, isSlow })
}

test('a quick disk is waited for', () => {
  expect(newBed().isSlow()).toBe(false)
})

test('it is not while somebody would mind', async () => {
  const bed = newBed()
  bed.mayWait = false
  expect(bed.isAtOnce()).toBe(false)
  await bed.land()
  bed.mayWait = true
  expect(bed.isAtOnce()).toBe(true)
})

test('nor behind a write that is underway, whose time it would take as well', async () => {
  const bed = newBed()
  expect(bed.isAtOnce(Buffer.alloc(1024 * 1024))).toBe(false) // room for entries to come, say
  expect(bed.isAtOnce()).toBe(false)
  await bed.land()
  expect(bed.isAtOnce()).toBe(true)
})

/** Two minutes of writes that take what their list says, one after the other: how long nothing else happened. */
async function standstillOf(bed: ReturnType<typeof newBed>, writes: readonly number[]) {
  let stoodMs = 0
  for (let n = 0; bed.nowMs < 120_000; n++) {
    bed.takesMs = writes[n % writes.length] ?? 0
    if (bed.isAtOnce()) stoodMs += bed.takesMs
    else await bed.land()
    bed.nowMs += 1
  }
  return { share: stoodMs / bed.nowMs, stoodMs }
}

const often = (ms: number, ...more: number[]): number[] => [...Array<number>(40).fill(ms), ...more]

test.each([
  ['small', often(0.1, 4)],
  ['long but rare', [...often(0.2), ...often(0.2), ...often(0.2), ...often(0.2, 28)]],
])('a disk with a hiccup now and then, %s, is waited for', async (_, writes) => {
  const { share } = await standstillOf(newBed(), writes)
  expect(share).toBeGreaterThan(0.1)
})

test.each([
  ['slow', [2]],
  ['a little slow', [0.6]],
  ['slow on average', [0.05, 0.05, 0.05, 24]],
  ['stalling now and then', often(0.1, 500)],
])('one that is %s holds nobody up for more than a tenth of the time', async (_, writes) => {
  const { share, stoodMs } = await standstillOf(newBed(), writes)
  expect(stoodMs).toBeGreaterThan(0)
  expect(share).toBeLessThan(1 / 10)
})

test('one that fails slowly is slow', async () => {
  const bed = newBed()
  bed.takesMs = 5_000
  bed.fails = true
  expect(() => bed.isAtOnce()).toThrow('no room')
  expect(bed.isAtOnce()).toBe(false)
  await bed.land()
})

test('a slow disk that has become quick is waited for again', async () => {
  const bed = newBed()
  bed.takesMs = 30
  expect(bed.isSlow()).toBe(true)
  await bed.land()
  bed.takesMs = 0.1
  bed.nowMs += 60_000
  expect(bed.isSlow()).toBe(false)
})
