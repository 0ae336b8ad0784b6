import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { auditFolder } from '../../wiring/audit.ts'
import { chargeOf, holdOf, withAccount } from '../contract.ts'
import { openStore, type Store } from './open-store.ts'

/** A real disk of a few MiB; only a superuser may mount one. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0 && triesToMount()
function triesToMount(): boolean {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], { stdio: 'ignore' })
    execFileSync('umount', [place], { stdio: 'ignore' })
    return true
  } catch {
    return false // in a container without the right to: the fake disks of journal.test.ts remain
  } finally {
    fs.rmdirSync(place)
  }
}

describe.runIf(canMount)('a disk of 6 MiB', () => {
  const disks: string[] = []
  const told: string[] = []
  function newDisk(): string {
    const disk = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=700', 'tmpfs', disk])
    disks.push(disk)
    return disk
  }
  afterEach(() => {
    for (const disk of disks.splice(0)) {
      execFileSync('umount', [disk])
      fs.rmdirSync(disk)
    }
    told.length = 0
  })

  const openOn = (disk: string) =>
    openStore({
      ...{ dir: path.join(disk, 'db'), purpose: 'server', now: Date.now },
      diskFreeBytesMin: () => 0, // to the brim
      onFatal: (error) => {
        throw error
      },
      onTrouble: (message, { error }) => void told.push(`${message}: ${String(error)}`),
    })

  function fill(disk: string): void {
    const fd = fs.openSync(path.join(disk, 'filler'), 'a')
    try {
      for (const bytes of [Buffer.alloc(65_536), Buffer.alloc(4_096)])
        for (;;) if (fs.writeSync(fd, bytes) < bytes.byteLength) break
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Takes holds, of which each is refused or stays, until one is refused. */
  async function untilRefused(store: Store): Promise<readonly string[]> {
    const held: string[] = []
    for (;;) {
      const ids = Array.from({ length: 200 }, (_, n) => `more${held.length + n}`)
      const answers = await Promise.allSettled(ids.map((id) => store.ledger.hold(holdOf(id, 1n))))
      const taken = ids.filter((_, index) => answers[index]?.status === 'fulfilled')
      held.push(...taken)
      if (taken.length < ids.length) return held
    }
  }

  test('filled to the brim, it settles all that was held, and takes holds again when there is room', async () => {
    const disk = newDisk()
    const store = await openOn(disk)
    await withAccount(store, 'acme', 1_000_000n)
    await expect
      .poll(() => fs.statSync(path.join(disk, 'db', 'reserve'), { throwIfNoEntry: false })?.size)
      .toBe(1024 * 1024)
    fill(disk)
    const held = await untilRefused(store)
    expect(held.length).toBeGreaterThan(200)
    expect(store.trouble()).toBe('disk_unwritable')
    const charges = held.slice(0, 400).map((id) => store.ledger.settle(chargeOf(id, 1n)))
    for (const answer of await Promise.all(charges)) expect(answer).toMatchObject({ charged: 1n })
    await expect(store.ledger.hold(holdOf('late', 1n))).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    expect(told).toEqual([expect.stringContaining('ENOSPC')])
    fs.rmSync(path.join(disk, 'filler'))
    await expect.poll(store.isWritable).toBe(true)
    expect(await store.ledger.hold(holdOf('again', 1n))).toEqual({ kind: 'held' })
    const credit = store.ledger.account('acme')?.credit
    await store.close()
    expect(auditFolder({ db: path.join(disk, 'db') }).findings).toEqual([])
    const reopened = await openOn(disk)
    expect(reopened.ledger.account('acme')?.credit).toEqual(credit)
    await reopened.close()
  })

  test('killed while it is full, it starts again, ends what was held, and goes on', async () => {
    const disk = newDisk()
    const killed = await openOn(disk)
    await withAccount(killed, 'acme', 1_000_000n)
    fill(disk)
    const held = await untilRefused(killed)
    const other = newDisk() // what a dead process leaves: its folder, without its claim
    const filter = (file: string) => !file.includes('claim.')
    fs.cpSync(disk, other, { recursive: true, filter })
    fs.rmSync(path.join(disk, 'filler'))
    await killed.close()
    fill(other)
    await expect(openOn(other)).rejects.toThrow(`${path.join(other, 'db')} has no room left`)
    const filler = path.join(other, 'filler')
    fs.truncateSync(filler, fs.statSync(filler).size - 65_536)
    const store = await openOn(other)
    expect(store.ledger.orphans().map(({ id }) => id)).toEqual(expect.arrayContaining([...held]))
    for (const id of held.slice(0, 200)) await store.ledger.endOrphan(id, undefined)
    fs.rmSync(filler)
    await expect.poll(store.isWritable).toBe(true)
    await store.close()
    expect(auditFolder({ db: path.join(other, 'db') }).findings).toEqual([])
  })

  test('read-only, it refuses the start and says what to do', async () => {
    const disk = newDisk()
    await (await openOn(disk)).close()
    execFileSync('mount', ['-o', 'remount,ro', disk])
    const advice = 'is on a disk that is read-only: mount it for writing, or set DB_DIR'
    await expect(openOn(disk)).rejects.toThrow(`${path.join(disk, 'db')} ${advice}`)
  })
})
