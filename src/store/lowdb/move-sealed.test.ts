import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditFolder } from '../../wiring/audit.ts'
import { chargeOf, holdOf, withAccount } from '../contract.ts'
import { MANIFEST, moveSealed, type MovedSegment } from './move-sealed.ts'
import { openStore } from './open-store.ts'
import { packSealed } from './pack-sealed.ts'
import { recover } from './recover.ts'
import { dbPaths, segmentsIn } from './segments.ts'
import { readSnapshot, readSnapshotFile } from './snapshot.ts'
import { copyFolder } from '../copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-move-'))
const whole = dbPaths(path.join(root, 'whole'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const openAt = (dir: string) =>
  openStore({
    ...{ dir, purpose: 'server', now: () => 5_000, segmentBytesMax: 3_000 },
    onFatal: () => undefined,
    onTrouble: (message, { error }) => {
      throw new Error(message, { cause: error })
    },
  })

const unhurried = { pace: () => undefined, isEnough: () => false }
const LATER = 5_001

/** Packed as far as two snapshots reach. */
beforeAll(async () => {
  for (const run of ['a', 'b', 'c', 'd']) {
    const store = await openAt(whole.dir)
    if (run === 'a') await withAccount(store, 'acme', 9_000n)
    for (let n = 0; n < 8; n++) {
      await store.ledger.hold(holdOf(`${run}${n}`, 20n))
      if (n > 0) await store.ledger.settle(chargeOf(`${run}${n}`, 15n))
    }
    await store.close()
  }
  packSealed(whole, { upTo: await coveredTwice(), ...unhurried })
})

async function coveredTwice(): Promise<number> {
  const before = await readSnapshotFile(whole.previousSnapshot)
  return before?.segment ?? 0
}

let cases = 0
function copied() {
  const paths = dbPaths(path.join(root, `case-${++cases}`))
  copyFolder(whole.dir, paths.dir)
  return { paths, to: path.join(root, `archive-${cases}`) }
}

const creditOf = async (paths: typeof whole) => (await recover(paths)).books.accounts.get('acme')
const recordsIn = (db: string, archive?: string) =>
  auditFolder({ db, ...(archive !== undefined && { archive }) })

test('moved segments are proven where they are, and without them the books from there on', async () => {
  const { paths, to } = copied()
  const [credit, all] = [await creditOf(paths), recordsIn(paths.dir)]
  const moved = await moveSealed(paths, { to, before: LATER })
  expect(moved.map(({ segment }) => segment)).toEqual(
    Array.from({ length: await coveredTwice() }, (_, index) => index + 1),
  )
  expect(segmentsIn(paths.journal)[0]).toBe(moved.length + 1)
  const rest = recordsIn(paths.dir)
  expect(rest).toMatchObject({ findings: [], seq: all.seq })
  expect(rest.notes).toEqual([expect.stringContaining(to)])
  expect(rest.records).toBeLessThan(all.records)
  expect(recordsIn(paths.dir, to)).toEqual({ ...all, notes: [] })
  expect(await creditOf(paths)).toEqual(credit)
})

test('the manifest says what the files are', async () => {
  const { paths, to } = copied()
  const moved = await moveSealed(paths, { to, before: LATER })
  const manifest = JSON.parse(fs.readFileSync(path.join(to, MANIFEST), 'utf8')) as {
    segments: MovedSegment[]
  }
  expect(manifest.segments).toEqual(moved)
  let [seq, chain] = [0, '0'.repeat(64)]
  for (const one of manifest.segments) {
    const bytes = fs.readFileSync(path.join(to, one.file))
    expect(one.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect([one.firstSeq, one.after]).toEqual([seq + 1, chain])
    ;[seq, chain] = [one.lastSeq, one.chain]
  }
  const base = await readSnapshotFile(paths.base)
  expect(base).toMatchObject({ seq, chain, segment: moved.length })
})

test('a server starts on what is left, also without its snapshots, and goes on', async () => {
  const { paths, to } = copied()
  const credit = await creditOf(paths)
  await moveSealed(paths, { to, before: LATER })
  for (const file of [paths.snapshot, paths.previousSnapshot]) fs.rmSync(file)
  expect((await readSnapshot(paths))?.segment).toBeGreaterThan(0)
  expect(await creditOf(paths)).toEqual(credit)
  const store = await openAt(paths.dir)
  for (let n = 0; n < 8; n++) await store.ledger.hold(holdOf(`after${n}`, 1n))
  await store.close()
  expect(recordsIn(paths.dir).findings).toEqual([])
  expect(recordsIn(paths.dir, to)).toMatchObject({ findings: [], notes: [] })
})

test('segments that are not old enough stay', async () => {
  const { paths, to } = copied()
  expect(await moveSealed(paths, { to, before: 5_000 })).toEqual([])
  expect(segmentsIn(paths.journal)[0]).toBe(1)
})

test('a move that fails half-way has removed nothing, and the next one does it all', async () => {
  const { paths, to } = copied()
  const before = segmentsIn(paths.journal)
  const stop = () => {
    throw new Error('no space left')
  }
  await expect(moveSealed(paths, { to, before: LATER, onSegment: stop })).rejects.toThrow('space')
  expect(segmentsIn(paths.journal)).toEqual(before)
  expect(recordsIn(paths.dir).findings).toEqual([])
  await moveSealed(paths, { to, before: LATER })
  expect(recordsIn(paths.dir, to)).toMatchObject({ findings: [], notes: [] })
})

test('what a crash left in both places is one, and goes the next time', async () => {
  const { paths, to } = copied()
  const moved = await moveSealed(paths, { to, before: LATER })
  for (const { file } of moved.slice(1))
    fs.copyFileSync(path.join(to, file), path.join(paths.journal, file))
  expect(recordsIn(paths.dir).findings).toEqual([])
  await creditOf(paths)
  expect((await moveSealed(paths, { to, before: 0 })).length).toBe(moved.length - 1)
  expect(segmentsIn(paths.journal)[0]).toBe(moved.length + 1)
  expect(recordsIn(paths.dir, to)).toMatchObject({ findings: [], notes: [] })
})

test('a file of that name that is another segment is not written over', async () => {
  const { paths, to } = copied()
  fs.mkdirSync(to)
  fs.writeFileSync(path.join(to, '00000001.jsonl.gz'), 'of another gateway')
  await expect(moveSealed(paths, { to, before: LATER })).rejects.toThrow('another segment')
  expect(segmentsIn(paths.journal)[0]).toBe(1)
})
