import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { failCall, type FailureCode } from './failing-calls.ts'
import { micro } from '../../src/domain/money.ts'
import { chargeOf, grant, holdOf, withAccount } from '../../src/store/contract.ts'
import { slicesOf } from '../../src/store/lowdb/live-accounts.ts'
import { makeSnapshot } from '../../src/store/lowdb/make-snapshot.ts'
import { openStore, type Store } from '../../src/store/lowdb/open-store.ts'
import {
  dbPaths,
  readSegmentBytes,
  segmentFile,
  segmentsIn,
} from '../../src/store/lowdb/segments.ts'
import type { MakeSnapshot } from '../../src/store/lowdb/snapshotter.ts'
import { stowSealed } from '../../src/store/lowdb/stow-sealed.ts'
import { auditFolder } from '../../src/wiring/audit.ts'
import type { JournalRecord } from '../support/journal.ts'
import { copyFolder } from '../../src/store/copied-folder.ts'

/**
 * A day in the life of a store: it is opened on books that are there already, takes holds and settles them while
 * segments are sealed, snapshots made and old segments packed and moved away, and is closed. One of all its calls to
 * the file system fails, and whatever was acknowledged is in the books once.
 */
export type Tried = Readonly<{ calls: number; failed: string; end: End }>

/** Refused at the start, ended by itself as it should when the journal cannot be believed, or came through. */
type End = 'refused' | 'died' | 'lived'

const memory = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()

export function newPlace(): string {
  return fs.mkdtempSync(path.join(memory, 'tollgate-calls-'))
}

/** Books of a few segments, with snapshots, packed segments and an archive. */
export async function makeBooks(place: string): Promise<void> {
  const store = await openIn(place, () => undefined)
  await withAccount(store, 'acme', 1_000_000n)
  await spend(store, 'before', [])
  await store.close()
}

export async function tryCall(from: string, nth: number, code: FailureCode): Promise<Tried> {
  const place = newPlace()
  copyFolder(from, place)
  const failing = failCall(place, nth, code)
  const told: string[] = []
  const end = await aDay(place, told)
  failing.stop()
  const failed = failing.failed()
  const words = failed === undefined ? '' : `${failed.name} ${path.relative(place, failed.file)}`
  try {
    await checkBooks(place, told)
    checkEnd(end, words)
  } catch (error) {
    throw new Error(`call ${nth}, ${code} at ${words}, ${end}; the data is in ${place}`, {
      cause: error,
    })
  }
  fs.rmSync(place, { recursive: true })
  return { calls: failing.calls(), failed: words, end }
}

async function aDay(place: string, told: string[]): Promise<End> {
  let die: () => void = () => undefined
  const death = new Promise<End>((resolve) => {
    die = () => {
      resolve('died')
    }
  })
  const life = async (): Promise<End> => {
    const store = await openIn(place, die).catch(() => undefined)
    if (store === undefined) return 'refused'
    await spend(store, 'day', told)
    await store.close()
    return 'lived'
  }
  return Promise.race([life(), death])
}

const openIn = (place: string, onFatal: () => void): Promise<Store> =>
  openStore({
    ...{ dir: path.join(place, 'db'), purpose: 'server', now: Date.now, onFatal },
    ...{ onTrouble: () => undefined, diskFreeBytesMin: () => 0 },
    ...{ segmentBytesMax: 3_000, makeSnapshot: snapshotHere },
    archive: () => ({ to: path.join(place, 'archive'), afterMs: 0 }),
  })

/** As the thread does it, where its calls can be made to fail. */
const snapshotHere: MakeSnapshot = async ({ dir, upTo, accounts, archive, urgency }) => {
  const pace = (): void => undefined
  const made = await makeSnapshot({ dir, upTo, live: slicesOf(accounts), pace })
  if (made.kind === 'differs') return made
  const stowed = await stowSealed(dbPaths(dir), { ...made, archive, urgency, pace })
  return { ...made, ...stowed }
}

/** Three callers at once, each of whom notes what it was told has happened. */
async function spend(store: Store, name: string, told: string[]): Promise<void> {
  const caller = async (who: string): Promise<void> => {
    for (let n = 0; n < 8; n++) {
      const ref = `${name}-${who}${n}`
      if ((await store.ledger.hold(holdOf(ref, 10n)).catch(() => undefined)) === undefined) {
        await untilWritable(store)
        continue
      }
      told.push(`hold ${ref}`)
      store.ledger.progress(ref, micro(2n))
      await store.ledger.settle(chargeOf(ref, 4n))
      told.push(`settle ${ref}`)
    }
    const paid = await grant(store.registry, { id: `${name}-${who}`, account: 'acme', amount: 5n })
    if (paid.kind === 'booked') told.push(`credit ${name}-${who}`)
  }
  await Promise.all(['a', 'b', 'c'].map(caller))
}

async function untilWritable(store: Store): Promise<void> {
  while (!store.isWritable()) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** What a dead process leaves is opened again, by one whose disk is well. */
async function checkBooks(place: string, told: readonly string[]): Promise<void> {
  const db = path.join(place, 'db')
  for (const name of fs.readdirSync(db, { encoding: 'utf8', recursive: true }))
    if (path.basename(name).startsWith('claim.')) fs.rmSync(path.join(db, name))
  const store = await openIn(place, () => undefined)
  for (const { id, progress } of store.ledger.orphans()) await store.ledger.endOrphan(id, progress)
  assert.equal(store.ledger.account('acme')?.credit.held, 0n, 'a hold is still open')
  await spend(store, 'after', [])
  await store.close()
  const archive = path.join(place, 'archive')
  const { findings } = auditFolder({ db, archive })
  assert.deepEqual(findings, [], 'the audit finds something')
  const counts = operationsIn([archive, path.join(db, 'journal')])
  const wrong = told.filter((operation) => counts.get(operation) !== 1)
  assert.deepEqual(wrong, [], 'acknowledged, and lost or doubled')
}

/** How often each operation stands in segments, packed or not; one that was being moved may be in both folders. */
function operationsIn(folders: readonly string[]): ReadonlyMap<string, number> {
  const texts = new Map<number, string>()
  for (const folder of folders.filter((one) => fs.existsSync(one)))
    for (const segment of segmentsIn(folder))
      texts.set(segment, readSegmentBytes(path.join(folder, segmentFile(segment))).toString())
  const counts = new Map<string, number>()
  const lines = [...texts.values()].flatMap((text) => text.split('\n'))
  for (const line of lines.filter((one) => one.endsWith('}'))) {
    const { kind, ref = '' } = JSON.parse(line) as JournalRecord
    counts.set(`${kind} ${ref}`, (counts.get(`${kind} ${ref}`) ?? 0) + 1)
  }
  return counts
}

/** Nothing but the journal itself is worth dying for. */
function checkEnd(end: End, failed: string): void {
  if (end === 'died') assert.match(failed, /journal$|journal\/\d{8}\.jsonl$/)
}
