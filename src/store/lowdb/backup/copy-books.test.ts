import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { grant, withAccount } from '../../contract.ts'
import type { JournalEnd } from '../journal.ts'
import { openStore } from '../open-store.ts'
import { dbPaths, packedFile, segmentFile, segmentsIn } from '../segments.ts'
import { readBackup, writeBackup } from './backup-file.ts'
import { BooksProof } from './books-proof.ts'
import { copyBooks, readSnapshotBytes } from './copy-books.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-copy-'))
const paths = dbPaths(path.join(root, 'db'))
const GRANTS = 60
let end: JournalEnd

const openAt = (dir: string, segmentBytesMax: number) =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

test('the durable end names the entry that ends there, also while the next is on its way', async () => {
  const { dir, journal } = dbPaths(path.join(root, 'busy'))
  const store = await openAt(dir, 1_000_000)
  await withAccount(store, 'anna', 1n)
  const ends = new Map<number, JournalEnd>()
  let isDone = false
  const granting = (async () => {
    for (let n = 0; n < 50; n++)
      await grant(store.registry, { id: `b${n}`, account: 'anna', amount: 1n })
    isDone = true
  })()
  while (!isDone as boolean) {
    const end = store.durableEnd()
    ends.set(end.seq, end)
    await new Promise(setImmediate)
  }
  await granting
  await store.close()
  const bytes = fs.readFileSync(path.join(journal, segmentFile(1)))
  expect(ends.size).toBeGreaterThan(10)
  for (const { seq, offset } of ends.values()) {
    const last = bytes.toString('utf8', 0, offset).trimEnd().split('\n').at(-1) ?? ''
    expect(JSON.parse(last)).toMatchObject({ seq })
  }
})

/** Several sealed segments, with snapshots that cover some of them. */
beforeAll(async () => {
  const store = await openAt(paths.dir, 2_000)
  await withAccount(store, 'anna', 1n)
  for (let n = 0; n < GRANTS; n++)
    await grant(store.registry, { id: `g${n}`, account: 'anna', amount: 1n })
  end = store.durableEnd()
  await store.close()
})
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

let count = 0
async function provenCopy(): Promise<BooksProof> {
  const file = path.join(root, `${count++}.tar.gz`)
  const snapshot = await readSnapshotBytes(paths)
  const { seq, chain, segment, offset } = end
  await writeBackup(file, {
    entries: copyBooks(paths, { end, snapshot }),
    about: { version: '0', created: new Date().toISOString(), seq, chain, segment, offset },
    ...{ passphrase: undefined, onBytes: () => undefined },
  })
  const proof = new BooksProof()
  await readBackup(file, {
    ...{ passphrase: undefined, onBytes: () => undefined },
    onFile: (name, body) => proof.enter(name, body),
  })
  return proof
}

function expectWhole(proof: BooksProof): void {
  expect(proof.position).toMatchObject({ seq: end.seq, chain: end.chain })
  expect(proof.books.accounts.get('anna')?.credit.balance).toBe(BigInt(GRANTS + 1))
}

describe('a copy of the books', () => {
  test('goes to the durable end, whatever lies behind it', async () => {
    expect(segmentsIn(paths.journal).length).toBeGreaterThan(4)
    const active = path.join(paths.journal, segmentFile(end.segment))
    fs.appendFileSync(active, '{"seq":not yet wri')
    expectWhole(await provenCopy())
    fs.truncateSync(active, end.offset)
  })

  test('takes packed segments as they are', async () => {
    const file = path.join(paths.journal, segmentFile(2))
    if (fs.existsSync(file)) {
      fs.writeFileSync(packedFile(file), gzipSync(fs.readFileSync(file)))
      fs.rmSync(file)
    }
    expectWhole(await provenCopy())
  })

  test('without a segment is refused, unless a snapshot stands for it', async () => {
    const moved = [1, 2].flatMap((segment) => {
      const file = path.join(paths.journal, segmentFile(segment))
      return [file, packedFile(file)].filter((one) => fs.existsSync(one))
    })
    const aside = path.join(root, 'aside')
    fs.mkdirSync(aside)
    for (const file of moved) fs.renameSync(file, path.join(aside, path.basename(file)))
    const snapshot = await readSnapshotBytes(paths)
    expect(snapshot).toBeDefined()
    expectWhole(await provenCopy())
    for (const file of [paths.snapshot, paths.previousSnapshot]) fs.rmSync(file, { force: true })
    await expect(provenCopy()).rejects.toThrow(/no snapshot covers/)
    fs.mkdirSync(path.join(paths.dir, 'archive'))
    fs.writeFileSync(path.join(paths.dir, 'archive', 'base.json'), snapshot ?? '')
    expectWhole(await provenCopy())
    fs.rmSync(path.join(paths.journal, segmentFile(end.segment - 1)), { force: true })
    fs.rmSync(path.join(paths.journal, packedFile(segmentFile(end.segment - 1))), { force: true })
    await expect(provenCopy()).rejects.toThrow(/is missing|no snapshot covers/)
  })

  test('of a snapshot that somebody edited is refused', async () => {
    const base = path.join(paths.dir, 'archive', 'base.json')
    fs.writeFileSync(paths.snapshot, fs.readFileSync(base, 'utf8').replace('anna', 'otto'))
    await expect(provenCopy()).rejects.toThrow(/was changed/)
  })
})
