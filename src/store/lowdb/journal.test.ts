import { EventEmitter, once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { micro } from '../../domain/money.ts'
import { auditFolder } from '../../wiring/audit.ts'
import { chargeOf, grant, holdOf, withAccount } from '../contract.ts'
import { diskOn, nodeDisk, type Disk } from './disk.ts'
import { openStore, type Store, type StoreOptions } from './open-store.ts'
import { isMissing, readSegmentBytes, segmentFile, segmentsIn } from './segments.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-journal-'))
afterAll(() => {
  fs.rmSync(root, { recursive: true, maxRetries: 20 }) // threads of stores that died may still be writing there
})

const QUIET: Pick<StoreOptions, 'onFatal' | 'onTrouble'> = {
  onFatal: () => undefined,
  onTrouble: () => undefined,
}

let folders = 0
const newFolder = () => path.join(root, `disk-${++folders}`)
/** A store on a disk that does some things in its own way. */
const openOn = (dir: string, disk: Partial<Disk> = {}, more: Partial<StoreOptions> = {}) =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, disk: { ...nodeDisk, ...disk } },
    ...{ ...QUIET, ...more },
  })

type Line = Readonly<{ kind: string; ref?: string }>
/** Packed or not: the snapshot thread packs what two snapshots cover. */
function journalIn(dir: string): readonly Line[] {
  const journal = path.join(dir, 'journal')
  return segmentsIn(journal)
    .flatMap((one) =>
      readSegmentBytes(path.join(journal, segmentFile(one)))
        .toString()
        .split('\n'),
    )
    .filter((line) => line.replaceAll('\0', '') !== '')
    .map((line) => JSON.parse(line) as Line)
}
const timesIn = (dir: string, kind: string, ref: string): number =>
  journalIn(dir).filter((line) => line.kind === kind && line.ref === ref).length

/** What a dead process leaves: the folder as it is, without the claim of this one. */
function leftBehind(dir: string): string {
  for (;;) {
    const copy = newFolder()
    try {
      fs.cpSync(dir, copy, { recursive: true, filter: (file) => !file.includes('claim.') })
      return copy
    } catch (error) {
      // Its snapshot thread is not dead here, and has renamed what it wrote while that was copied.
      if (!isMissing(error)) throw error
    }
  }
}

const noSpace = () => Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
const waits = async (promise: Promise<unknown>, ms = 100): Promise<boolean> =>
  (await Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms, waits))])) ===
  waits

test('a disk that takes a few bytes at a time gets the whole journal', async () => {
  const dir = newFolder()
  const store = await openOn(dir, {
    append: (fd, bytes, offset) => nodeDisk.append(fd, bytes.subarray(0, 7), offset),
  })
  await withAccount(store, 'acme', 1_000n)
  const ids = ['h1', 'h2', 'h3']
  await Promise.all(ids.map((id) => store.ledger.hold(holdOf(id, 100n))))
  await store.close()
  expect(ids.map((id) => timesIn(dir, 'hold', id))).toEqual([1, 1, 1])
  expect(auditFolder({ db: dir }).findings).toEqual([])
})

describe('while the disk is full', () => {
  /** Takes half of what it is given, and then no more. */
  function filling() {
    const disk = { isFull: false }
    const append: Disk['append'] = async (fd, bytes, offset) => {
      if (!disk.isFull) return nodeDisk.append(fd, bytes, offset)
      await nodeDisk.append(fd, bytes.subarray(0, bytes.byteLength / 2), offset)
      throw noSpace()
    }
    return { disk, append }
  }

  test('holds are refused, settles wait, and they land when there is room again', async () => {
    const { disk, append } = filling()
    const dir = newFolder()
    const troubles: number[] = []
    const store = await openOn(dir, { append }, { onTrouble: () => void troubles.push(1) })
    await withAccount(store, 'acme', 1_000n)
    for (const id of ['h1', 'h2']) await store.ledger.hold(holdOf(id, 100n))
    disk.isFull = true
    const unavailable = { code: 'store_unavailable' }
    await expect(store.ledger.hold(holdOf('h3', 100n))).rejects.toMatchObject(unavailable)
    expect([store.isWritable(), troubles.length > 0]).toEqual([false, true])
    const settled = store.ledger.settle(chargeOf('h1', 40n))
    await expect(store.ledger.hold(holdOf('h4', 100n))).rejects.toMatchObject(unavailable)
    expect(await waits(settled)).toBe(true)
    disk.isFull = false
    expect(await settled).toMatchObject({ kind: 'settled', charged: 40n })
    await expect.poll(store.isWritable).toBe(true)
    expect(await store.ledger.hold(holdOf('h5', 860n))).toEqual({ kind: 'held' })
    await store.close()
    expect(auditFolder({ db: dir }).findings).toEqual([])
    const again = await openOn(dir)
    expect(again.ledger.account('acme')?.credit).toEqual({ balance: 960n, held: 960n })
    await again.close()
  })

  test('a hold that comes while the first try is underway is refused with those that it is for', async () => {
    const disk = { isFull: false, tried: new EventEmitter() }
    const append: Disk['append'] = async (fd, bytes, offset) => {
      if (!disk.isFull || bytes[0] === 0) return nodeDisk.append(fd, bytes, offset)
      disk.tried.emit('begun')
      await new Promise(setImmediate)
      throw noSpace()
    }
    const store = await openOn(newFolder(), { append })
    await withAccount(store, 'acme', 1_000n)
    disk.isFull = true
    const begun = once(disk.tried, 'begun')
    const holds = [store.ledger.hold(holdOf('h1', 100n))]
    const refused = () => Promise.allSettled(holds)
    await begun
    holds.push(store.ledger.hold(holdOf('h2', 100n)))
    const told = (await refused()).map((one) => one.status)
    disk.isFull = false
    expect(told).toEqual(['rejected', 'rejected'])
    await expect.poll(() => store.ledger.account('acme')?.credit.held).toBe(0n)
    await store.close()
  })

  test('who waits for all that has ended hears that it cannot be written, and when it could', async () => {
    const { disk, append } = filling()
    const store = await openOn(newFolder(), { append })
    await withAccount(store, 'acme', 1_000n)
    await store.ledger.hold(holdOf('h1', 100n))
    disk.isFull = true
    const settled = store.ledger.settle(chargeOf('h1', 40n))
    await expect(store.ledger.landed()).rejects.toMatchObject({ code: 'store_unavailable' })
    disk.isFull = false
    await settled
    await store.ledger.landed()
    await store.close()
  })

  test('the reserve is given up, and set aside again later', async () => {
    const { disk, append } = filling()
    const dir = newFolder()
    const store = await openOn(dir, { append })
    await withAccount(store, 'acme', 1_000n)
    const bytesOf = () =>
      fs.statSync(path.join(dir, 'reserve'), { throwIfNoEntry: false })?.size ?? 0
    await expect.poll(bytesOf).toBe(1024 * 1024)
    await store.registry.setAccount('acme', { tier: 'pro' })
    disk.isFull = true
    await store.ledger.hold(holdOf('h1', 100n)).catch(() => undefined)
    await expect.poll(bytesOf).toBe(0)
    disk.isFull = false
    await store.registry.setAccount('acme', { tier: 'vip' })
    await expect.poll(bytesOf).toBe(1024 * 1024)
    await store.close()
  })
})

test('after a write that failed for no lack of room nothing is acknowledged any more, and what was is there', async () => {
  const dir = newFolder()
  const disk = { fails: false }
  const fatal: unknown[] = []
  const eio = new Error('EIO: i/o error')
  const append: Disk['append'] = (fd, bytes, offset) =>
    disk.fails ? Promise.reject(eio) : nodeDisk.append(fd, bytes, offset)
  const store = await openOn(dir, { append }, { onFatal: (error) => void fatal.push(error) })
  await withAccount(store, 'acme', 1_000n)
  await store.ledger.hold(holdOf('h1', 100n))
  disk.fails = true
  const unsure = [store.ledger.settle(chargeOf('h1', 40n)), store.ledger.hold(holdOf('h2', 10n))]
  await expect.poll(() => fatal).toEqual([eio])
  disk.fails = false // what a second try would say: the kernel forgets the failure
  unsure.push(store.ledger.hold(holdOf('h3', 10n)))
  expect(await Promise.all(unsure.map((one) => waits(one, 300)))).toEqual([true, true, true])
  expect(fatal).toEqual([eio])
  const copy = leftBehind(dir)
  expect(timesIn(copy, 'hold', 'h1')).toBe(1)
  await (await openOn(copy)).close()
  expect(auditFolder({ db: copy }).findings).toEqual([])
})

test('zeros that could not be written for another reason say no less than entries would', async () => {
  const fatal: unknown[] = []
  const disk = { fails: false }
  const eio = new Error('EIO: i/o error')
  const append: Disk['append'] = (fd, bytes, offset) =>
    disk.fails && bytes[0] === 0 ? Promise.reject(eio) : nodeDisk.append(fd, bytes, offset)
  const store = await openOn(
    newFolder(),
    { append },
    { onFatal: (error) => void fatal.push(error) },
  )
  await withAccount(store, 'acme', 1_000n)
  disk.fails = true
  const write = (n: number) =>
    store.registry.setAccount('acme', { tier: `${n} ${'x'.repeat(1_000)}` })
  for (let n = 0; n < 1_000; n++) void write(n)
  await expect.poll(() => fatal).toEqual([eio])
  expect(await waits(write(0))).toBe(true) // nothing is acknowledged from here on
})

/** When the nth call comes, it fails once. */
function failingAt(nth: number, failure: () => Error) {
  let calls = 0
  const check = () => {
    if (++calls === nth) throw failure()
  }
  const disk: Disk = {
    async open(file, flags) {
      check()
      return nodeDisk.open(file, flags)
    },
    async append(fd, bytes, offset) {
      check()
      return nodeDisk.append(fd, bytes, offset)
    },
    async truncate(fd, length) {
      check()
      await nodeDisk.truncate(fd, length)
    },
    async close(fd) {
      check()
      await nodeDisk.close(fd)
    },
    async syncFolder(folder) {
      check()
      await nodeDisk.syncFolder(folder)
    },
  }
  return { disk, calls: () => calls }
}

type Acknowledged = { kind: string; ref: string }

/** Three callers at once; each notes what it was told has happened. */
async function callers(store: Store, told: Acknowledged[]): Promise<void> {
  const caller = async (name: string) => {
    for (let n = 0; n < 3; n++) {
      const ref = `${name}${n}`
      const answer = await store.ledger.hold(holdOf(ref, 10n)).catch(() => undefined)
      if (answer === undefined) {
        await expect.poll(store.isWritable, { timeout: 60_000 }).toBe(true)
        continue
      }
      told.push({ kind: 'hold', ref })
      await store.ledger.settle(chargeOf(ref, 4n))
      told.push({ kind: 'settle', ref })
    }
    const grants = grant(store.registry, { id: name, account: 'acme', amount: 5n })
    if ((await grants.catch(() => undefined)) === undefined) return
    told.push({ kind: 'credit', ref: name })
  }
  await Promise.all(['a', 'b', 'c'].map(caller))
}

/** Runs the callers on a disk whose nth call fails; answers how many calls it took. */
async function tried(nth: number, failure: () => Error): Promise<number> {
  const dir = newFolder()
  const { disk, calls } = failingAt(nth, failure)
  const told: Acknowledged[] = []
  const death = new EventEmitter()
  const work = async () => {
    const onFatal = () => death.emit('death')
    const store = await openOn(dir, disk, { onFatal, segmentBytesMax: 2_000 })
    await withAccount(store, 'acme', 1_000n)
    told.push({ kind: 'credit', ref: 'grant-acme' })
    await callers(store, told)
    await store.close()
  }
  const refusedAtStart = (error: unknown) => {
    expect({ nth, told, error }).toEqual({ nth, told: [], error: failure() })
  }
  await Promise.race([work().catch(refusedAtStart), once(death, 'death')])
  const copy = leftBehind(dir)
  await (await openOn(copy)).close()
  const lost = told.filter(({ kind, ref }) => timesIn(copy, kind, ref) !== 1)
  expect({ nth, lost }).toEqual({ nth, lost: [] })
  expect({ nth, findings: auditFolder({ db: copy }).findings }).toEqual({ nth, findings: [] })
  return calls()
}

const ioError = () => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })

test.for([
  ['for want of room', noSpace],
  ['for good', ioError],
] as const)(
  'whichever call to the disk fails %s, nothing that was acknowledged is lost or doubled',
  { timeout: 100_000 }, // a few hundred stores at once, each of which syncs all it does
  async ([, failure]) => {
    const calls = await tried(0, failure)
    expect(calls).toBeGreaterThan(20)
    await Promise.all(Array.from({ length: calls }, (_, index) => tried(index + 1, failure)))
  },
)

test('a note that was due while the disk was busy is not written once its request has ended', async () => {
  const dir = newFolder()
  const going = new EventEmitter()
  let isBusy = false
  const append: Disk['append'] = async (fd, bytes, offset) => {
    if (isBusy) {
      going.emit('asked')
      await once(going, 'on')
    }
    return nodeDisk.append(fd, bytes, offset)
  }
  const store = await openOn(dir, { append })
  await withAccount(store, 'acme', 1_000n)
  for (const id of ['h1', 'h2', 'h3']) await store.ledger.hold(holdOf(id, 100n))
  isBusy = true
  const asked = once(going, 'asked')
  const settled = [store.ledger.settle(chargeOf('h1', 5n))]
  await asked
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  for (const id of ['h2', 'h3']) store.ledger.progress(id, micro(7n))
  vi.runAllTimers()
  vi.useRealTimers()
  settled.push(store.ledger.settle(chargeOf('h2', 9n)))
  isBusy = false
  going.emit('on')
  await Promise.all(settled)
  await store.close()
  const told = (kind: string) => ['h1', 'h2', 'h3'].map((id) => timesIn(dir, kind, id))
  const rows = { settle: told('settle'), progress: told('progress'), overrun: told('overrun') }
  expect(rows).toEqual({ settle: [1, 1, 0], progress: [0, 0, 1], overrun: [0, 0, 0] })
  expect(auditFolder({ db: dir }).findings).toEqual([])
})

test('once it is closed it writes nothing more: neither a note that is due, nor what comes late', async () => {
  const dir = newFolder()
  const fatal: unknown[] = []
  const store = await openOn(dir, {}, { onFatal: (error) => void fatal.push(error) })
  await withAccount(store, 'acme', 1_000n)
  for (const id of ['h1', 'h2']) await store.ledger.hold(holdOf(id, 100n))
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  store.ledger.progress('h1', micro(7n))
  await store.close()
  // What is opened next gets the number of the file that was closed.
  const other = fs.openSync(path.join(dir, 'other'), 'w', 0o600)
  vi.runAllTimers()
  vi.useRealTimers()
  const late = store.ledger.settle(chargeOf('h2', 5n))
  await expect(store.ledger.hold(holdOf('h3', 1n))).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  expect(await waits(late)).toBe(true)
  fs.closeSync(other)
  expect([fatal, fs.statSync(path.join(dir, 'other')).size]).toEqual([[], 0])
  expect(auditFolder({ db: dir }).findings).toEqual([])
})

test('where a write is not durable by itself it is synced, and the journal is the same', async () => {
  const dir = newFolder()
  const store = await openOn(dir, diskOn('darwin'))
  await withAccount(store, 'acme', 1_000n)
  await store.ledger.hold(holdOf('h1', 100n))
  await store.close()
  expect(timesIn(dir, 'hold', 'h1')).toBe(1)
  expect(auditFolder({ db: dir }).findings).toEqual([])
})

describe('on a disk that answers at once', () => {
  async function openAtOnce() {
    let writes = 0
    const append: Disk['append'] = (fd, bytes, offset) => {
      writes++
      return nodeDisk.appendNow(fd, bytes, offset)
    }
    const store = await openOn(newFolder(), { append })
    await withAccount(store, 'acme', 1_000n)
    const hold = (id: string) => store.ledger.hold(holdOf(id, 100n))
    /** When nothing is on its way any more: how many writes there were since. */
    const countedFrom = async (): Promise<() => number> => {
      for (let turns = 0; turns < 4; turns++) await new Promise(setImmediate)
      const before = writes
      return () => writes - before
    }
    return { store, hold, countedFrom }
  }

  test('a request that is alone waits for nobody', async () => {
    const { store, hold, countedFrom } = await openAtOnce()
    await hold('h1')
    await store.ledger.settle(chargeOf('h1', 5n))
    await countedFrom()
    let hasTurned = false
    setImmediate(() => (hasTurned = true))
    await hold('h2')
    expect(hasTurned).toBe(false)
    await countedFrom()
    setImmediate(() => (hasTurned = true))
    hasTurned = false
    await store.ledger.settle(chargeOf('h2', 5n))
    expect(hasTurned).toBe(false)
    await store.close()
  })

  test('of several, those that come in one turn of the event loop share a write', async () => {
    const { store, hold, countedFrom } = await openAtOnce()
    await hold('h1')
    await hold('h2')
    const settled = await countedFrom()
    const first = store.ledger.settle(chargeOf('h2', 5n))
    await new Promise<void>((resolve) => {
      process.nextTick(resolve)
    })
    await Promise.all([first, hold('h2')])
    expect(settled()).toBe(1)
    const count = await countedFrom()
    const second = hold('h3')
    await new Promise<void>((resolve) => {
      process.nextTick(resolve)
    })
    const others = [store.ledger.settle(chargeOf('h1', 5n)), hold('h4')]
    await Promise.all([second, ...others])
    expect(count()).toBe(1)
    await store.close()
  })
})
