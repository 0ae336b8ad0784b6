import { expect, test } from 'vitest'
import { nodeDisk } from './disk.ts'
import { promptDisk } from './prompt-disk.ts'

const ENTRIES = Buffer.from('an entry\n')

/** A disk whose writes take as long as it is told, by a clock of its own. */
function newBed() {
  const bed = { nowMs: 0, takesMs: 0.1, mayWait: true, landings: [] as (() => void)[] }
  const disk = promptDisk(
    {
      ...nodeDisk,
      append: (_fd, bytes) =>
        new Promise((resolve) => bed.landings.push(() => resolve(bytes.byteLength))),
      appendNow(_fd, bytes) {
        bed.nowMs += bed.takesMs
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

/** How long a slow disk is left alone from now on. */
async function restOf(bed: ReturnType<typeof newBed>): Promise<number> {
  expect(bed.isSlow()).toBe(true)
  let rest = 0
  do {
    await bed.land()
    bed.nowMs += 100
    rest += 100
  } while (!bed.isAtOnce())
  return rest
}

test('a slow disk is left alone, for longer each time, and at last for a minute', async () => {
  const bed = newBed()
  bed.takesMs = 10
  const rests = []
  for (let times = 0; times < 8; times++) rests.push(await restOf(bed))
  expect(rests.slice(0, 3)).toEqual([1_000, 2_000, 4_000])
  expect(rests.at(-1)).toBe(60_000)
})

test('a quick one that is slow now and then has its next chance after a second each time', async () => {
  const bed = newBed()
  for (let moments = 0; moments < 3; moments++) {
    bed.takesMs = 0.1
    expect(bed.isSlow()).toBe(false)
    bed.takesMs = 0.6
    expect(await restOf(bed)).toBe(1_000)
  }
})

test('a hiccup does not make it slow, a stall does', () => {
  const bed = newBed()
  bed.isSlow()
  bed.takesMs = 10
  expect(bed.isAtOnce()).toBe(true)
  bed.takesMs = 0.1
  expect(bed.isSlow()).toBe(false)
  bed.takesMs = 25
  expect([bed.isAtOnce(), bed.isAtOnce()]).toEqual([true, false])
})
