import { EventEmitter, once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { micro } from '../../domain/money.ts'
import { auditFolder } from '../../wiring/audit.ts'
import { chargeOf, holdOf, withAccount } from '../contract.ts'
import { openStore } from './open-store.ts'
import { packSealed } from './pack-sealed.ts'
import { recover } from './recover.ts'
import { dbPaths, packedFile, readSegmentBytes, segmentFile, segmentsIn } from './segments.ts'
import { findSnapshot } from './snapshot.ts'
import { Snapshotter } from './snapshotter.ts'
import { copyFolder } from '../copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-snapshotter-'))
const whole = dbPaths(path.join(root, 'whole'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

type Trouble = readonly [message: string, facts: Record<string, unknown>]

const openAt = (dir: string, troubles: Trouble[] = []) =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 4_000 },
    onFatal: () => undefined,
    onTrouble: (...trouble) => troubles.push(trouble),
  })

/** Segments that no snapshot covers yet. */
beforeAll(async () => {
  const store = await openStore({
    ...{ dir: whole.dir, purpose: 'server', now: Date.now, segmentBytesMax: 4_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
    makeSnapshot: () => Promise.resolve({ kind: 'made', covered: 0 }),
  })
  await withAccount(store, 'acme', 9_000n)
  await withAccount(store, 'zeta', 9_000n)
  for (let n = 0; n < 30; n++) {
    await store.ledger.hold(holdOf(`h${n}`, 20n))
    await store.ledger.settle(chargeOf(`h${n}`, 30n))
  }
  await store.close()
})

let folders = 0
function copied() {
  const paths = dbPaths(path.join(root, `case-${++folders}`))
  copyFolder(whole.dir, paths.dir)
  return paths
}

async function snapshotAt(paths: ReturnType<typeof dbPaths>, upTo: number, lie?: bigint) {
  const troubles: Trouble[] = []
  const { accounts } = (await recover(paths)).books
  const zeta = accounts.get('zeta')
  if (zeta === undefined) throw new Error('no account')
  if (lie !== undefined) zeta.credit = { ...zeta.credit, balance: micro(lie) }
  const onTrouble = (...trouble: Trouble) => troubles.push(trouble)
  // What moved acme may stand behind the segments that are replayed.
  for (const account of accounts.values()) if (account !== zeta) account.movedIn = 1_000
  const snapshots = new Snapshotter({ dir: paths.dir, accounts, onTrouble })
  snapshots.make(upTo)
  await snapshots.stop()
  return { troubles, isProven: snapshots.isProven }
}

test('a snapshot that memory agrees with is made, also while other accounts move on', async () => {
  const paths = copied()
  expect(await snapshotAt(paths, 2)).toEqual({ troubles: [], isProven: true })
  expect(fs.existsSync(paths.snapshot)).toBe(true)
  expect(auditFolder({ db: paths.dir }).findings).toEqual([])
})

test('memory that is not what the journal adds up to is told by account and seq, and no snapshot is made', async () => {
  const paths = copied()
  const { troubles, isProven } = await snapshotAt(paths, 2, 8_999n)
  expect(isProven).toBe(false)
  expect(troubles).toEqual([
    [
      expect.stringContaining('not what the journal adds up to'),
      {
        ...{ account: 'zeta', seq: lastSeqOf(paths, 2) },
        ...{ live: 'balance 8999, held 0', journal: 'balance 9000, held 0' },
      },
    ],
  ])
  expect(fs.existsSync(paths.snapshot)).toBe(false)
})

function lastSeqOf(paths: ReturnType<typeof dbPaths>, segment: number): number {
  const lines = readSegmentBytes(path.join(paths.journal, segmentFile(segment))).toString()
  const last = lines.trimEnd().split('\n').at(-1) ?? ''
  return (JSON.parse(last) as { seq: number }).seq
}

test('one that cannot be made is told, and the next one is made all the same, and the one after it', async () => {
  const paths = copied()
  const [first, aside] = [path.join(paths.journal, segmentFile(1)), path.join(paths.dir, 'aside')]
  const { accounts } = (await recover(paths)).books
  for (const account of accounts.values()) account.movedIn = 1_000
  const told = new EventEmitter()
  const onTrouble = (message: string) => told.emit('trouble', message)
  const snapshots = new Snapshotter({ dir: paths.dir, accounts, onTrouble })
  fs.renameSync(first, aside)
  const trouble = once(told, 'trouble')
  snapshots.make(1)
  expect(await trouble).toEqual([expect.stringContaining('no snapshot could be made')])
  fs.renameSync(aside, first)
  for (const upTo of [1, 2]) {
    snapshots.make(upTo)
    await expect.poll(async () => (await findSnapshot(paths))?.snapshot.segment).toBe(upTo)
  }
  await snapshots.stop()
})

test('what two snapshots cover is packed, and start and audit still go back to the first entry', async () => {
  const paths = dbPaths(path.join(root, 'packed'))
  const troubles: Trouble[] = []
  for (const run of ['first', 'second', 'third']) {
    const store = await openAt(paths.dir, troubles)
    if (run === 'first') await withAccount(store, 'acme', 9_000n)
    for (let n = 0; n < 12; n++) await store.ledger.hold(holdOf(`${run}${n}`, 20n))
    await store.close()
  }
  // A store that closes hurries, so packing is left to a snapshot that is made in peace.
  packSealed(paths, { upTo: 2, pace: () => undefined, isEnough: () => false })
  expect(troubles).toEqual([])
  const names = fs.readdirSync(paths.journal)
  expect(names).toContain('00000001.jsonl.gz')
  expect(names).not.toContain('00000001.jsonl')
  const covering = auditFolder({ db: paths.dir })
  expect(covering.findings).toEqual([])
  for (const file of [paths.snapshot, paths.previousSnapshot]) fs.rmSync(file)
  const { books } = await recover(paths)
  expect(books.accounts.get('acme')?.credit.held).toBe(36n * 20n)
})

test('a server packs what two snapshots cover, and moves what is old where the configuration says', async () => {
  const paths = dbPaths(path.join(root, 'stowed'))
  const to = path.join(root, 'elsewhere')
  const store = await openStore({
    ...{ dir: paths.dir, purpose: 'server', now: Date.now, segmentBytesMax: 4_000 },
    onFatal: () => undefined,
    onTrouble: (message, { error }) => {
      throw new Error(message, { cause: error })
    },
    archive: () => ({ to, afterMs: 0 }),
  })
  await withAccount(store, 'acme', 90_000n)
  for (let n = 0; !fs.existsSync(path.join(to, 'manifest.json')); n++)
    await store.ledger.hold(holdOf(`h${n}`, 1n))
  await store.close()
  expect(fs.readdirSync(to)).toContain('00000001.jsonl.gz')
  expect(auditFolder({ db: paths.dir, archive: to })).toMatchObject({ findings: [], notes: [] })
})

test('a packed segment is its bytes, and readable by gunzip as one file', () => {
  const paths = copied()
  const file = path.join(paths.journal, segmentFile(1))
  const before = fs.readFileSync(file)
  packSealed(paths, { upTo: 1, pace: () => undefined, isEnough: () => false })
  expect(fs.existsSync(file)).toBe(false)
  expect(gunzipSync(fs.readFileSync(packedFile(file))).equals(before)).toBe(true)
  expect(fs.statSync(packedFile(file)).mode & 0o777).toBe(0o600)
})

test('packing that fails leaves the plain segment, and nothing half-written', () => {
  const paths = copied()
  const file = path.join(paths.journal, segmentFile(1))
  fs.mkdirSync(packedFile(file)) // the rename fails
  const request = { upTo: 1, pace: () => undefined, isEnough: () => false }
  expect(() => {
    packSealed(paths, request)
  }).toThrow()
  expect(fs.existsSync(file)).toBe(true)
  expect(fs.readdirSync(paths.journal).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('a crash while packing costs nothing: the plain one counts, and is packed the next time', async () => {
  const paths = copied()
  const file = path.join(paths.journal, segmentFile(1))
  fs.writeFileSync(packedFile(file), 'half a pa') // as if there, and not yet whole
  fs.writeFileSync(`${packedFile(file)}.0123456789ab.tmp`, 'half a pa')
  expect(auditFolder({ db: paths.dir }).findings.filter(({ rule }) => rule !== 'A18')).toEqual([])
  const expected = (await recover(copied())).books.accounts.get('acme')
  expect((await recover(paths)).books.accounts.get('acme')).toEqual(expected)
  expect((await snapshotAt(paths, segmentsIn(paths.journal).length - 1)).troubles).toEqual([])
  packSealed(paths, { upTo: 1, pace: () => undefined, isEnough: () => false })
  expect(fs.readdirSync(paths.journal).filter((name) => name.endsWith('.tmp'))).toEqual([])
  expect(auditFolder({ db: paths.dir }).findings).toEqual([])
})
