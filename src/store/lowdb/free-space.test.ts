import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { chargeOf, holdOf, withAccount } from '../contract.ts'
import { FreeSpace } from './free-space.ts'
import { openStore, type Store } from './open-store.ts'

const MIB = 1024 * 1024
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-space-'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

/** A disk of so many MiB, and what is left of it. */
const diskWith = (sizeMib: number) => {
  const disk = { freeMib: sizeMib }
  const statfs = () => Promise.resolve({ bsize: MIB, blocks: sizeMib, bavail: disk.freeMib })
  return { disk, statfs }
}

describe('the low-water mark', () => {
  const isShort = async (sizeMib: number, freeMib: number, bytesMin?: number) => {
    const { disk, statfs } = diskWith(sizeMib)
    disk.freeMib = freeMib
    const options = { dir: root, bytesMin: () => bytesMin, onShortage: () => undefined, statfs }
    const space = new FreeSpace(options)
    await space.start()
    space.stop()
    return space.shortage !== undefined
  }

  test('is 256 MiB on a large disk, and a twentieth of a small one', async () => {
    expect(await isShort(100_000, 255)).toBe(true)
    expect(await isShort(100_000, 256)).toBe(false)
    expect(await isShort(1_000, 49)).toBe(true)
    expect(await isShort(1_000, 50)).toBe(false)
  })

  test('is what the operator says, and 0 takes it away', async () => {
    expect(await isShort(1_000, 49, 10 * MIB)).toBe(false)
    expect(await isShort(1_000, 9, 10 * MIB)).toBe(true)
    expect(await isShort(1_000, 0, 0)).toBe(false)
  })
})

describe('below the mark', () => {
  const { disk, statfs } = diskWith(1_000)
  const told: string[] = []
  let store: Store
  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    store = await openStore({
      ...{ dir: path.join(root, 'db'), purpose: 'server', now: Date.now, statfs },
      onFatal: () => undefined,
      onTrouble: (message, { error }) => void told.push(`${message}: ${String(error)}`),
    })
    await withAccount(store, 'acme', 1_000n)
    await store.ledger.hold(holdOf('h1', 100n))
  })
  afterAll(async () => {
    vi.useRealTimers()
    await store.close()
  })
  /** The disk is looked at again. */
  const looked = async (freeMib: number, alarm: string | undefined) => {
    disk.freeMib = freeMib
    await vi.advanceTimersByTimeAsync(2_000)
    expect(store.trouble()).toBe(alarm)
  }

  test('holds are refused and settles land, the log says why once, and it ends by itself', async () => {
    await looked(12, 'disk_low')
    await looked(11, 'disk_low')
    const refused = store.ledger.hold(holdOf('h2', 100n))
    await expect(refused).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await store.ledger.settle(chargeOf('h1', 40n))).toMatchObject({ charged: 40n })
    expect(told).toEqual([expect.stringContaining('12.0 MiB left, less than the 50.0 MiB')])
    await looked(400, undefined)
    expect(await store.ledger.hold(holdOf('h3', 100n))).toEqual({ kind: 'held' })
  })
})
