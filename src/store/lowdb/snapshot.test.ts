import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { micro } from '../../domain/money.ts'
import { auditFolder } from '../../wiring/audit.ts'
import type { Books } from '../books.ts'
import { chargeOf, holdOf, withAccount } from '../contract.ts'
import { openStore, type Store } from './open-store.ts'
import { CorruptStore, recover, replaySegments } from './recover.ts'
import { dbPaths, packedFile, segmentFile, segmentsIn } from './segments.ts'
import { booksFrom, EditedSnapshot, readSnapshot } from './snapshot.ts'
import { copyFolder } from '../copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-snapshot-'))
const whole = dbPaths(path.join(root, 'whole'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const openAt = (dir: string) =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 2_000 },
    onFatal: () => undefined,
    onTrouble: (message, { error }) => {
      throw new Error(message, { cause: error })
    },
  })

async function spend({ ledger }: Store, name: string): Promise<void> {
  for (let n = 0; n < 8; n++) {
    await ledger.hold(holdOf(`${name}${n}`, 20n))
    if (n % 2 === 0) await ledger.settle(chargeOf(`${name}${n}`, 30n))
  }
  await ledger.settle(chargeOf(`${name}1`, 700n, { payer: 'operator', outcome: 'cut' }))
  ledger.progress(`${name}3`, micro(7n))
  await new Promise((resolve) => setTimeout(resolve, 100)) // for the progress to be written
}

/** As plain text, so that two of them can be compared whole. */
const textOf = (books: Books): string =>
  JSON.stringify(
    [
      ...[books.accounts, books.keysById, books.keysByHash, books.holds],
      ...[books.prices, books.switchedOff],
    ].map((map) => [...map.keys()].sort().map((key) => [key, map.get(key)])),
    (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
  ) + books.overrun.toString()

/** Two runs, so that there are a snapshot, the one before it, and segments behind both. */
beforeAll(async () => {
  for (const run of ['first', 'second', 'third']) {
    const store = await openAt(whole.dir)
    if (run === 'first') await withAccount(store, 'acme', 9_000n)
    await store.switches.set({ target: `provider ${run}`, isOn: false, by: 'key_admin' })
    await spend(store, run)
    await store.close()
  }
})

let folders = 0
function copied() {
  const paths = dbPaths(path.join(root, `case-${++folders}`))
  copyFolder(whole.dir, paths.dir)
  return paths
}
const segmentOf = (file: string): number =>
  (JSON.parse(fs.readFileSync(file, 'utf8')) as { segment: number }).segment

test('the journal rolls on, and the books after a restart are the books before it', async () => {
  expect(segmentsIn(whole.journal).length).toBeGreaterThan(4)
  expect(segmentOf(whole.previousSnapshot)).toBeLessThan(segmentOf(whole.snapshot))
  const store = await openAt(copied().dir)
  expect(store.ledger.account('acme')).toMatchObject(inHindsight('acme'))
  const open = store.ledger.orphans().map(({ id }) => id)
  const odd = ['first', 'second', 'third'].flatMap((run) => [3, 5, 7].map((n) => `${run}${n}`))
  expect(open.sort()).toEqual(odd)
  await store.close()
})

/** The account by the last line that names its balance, read apart from all the rest. */
function inHindsight(id: string) {
  const files = segmentsIn(whole.journal).map((one) => path.join(whole.journal, segmentFile(one)))
  const lines = files.flatMap((file) => fs.readFileSync(file, 'utf8').trimEnd().split('\n'))
  const moves = lines.map(
    (line) => JSON.parse(line) as { account?: string; balance?: string; held: string },
  )
  const last = moves.findLast(({ account, balance }) => account === id && balance !== undefined)
  const credit = { balance: BigInt(last?.balance ?? 0), held: BigInt(last?.held ?? 0) }
  return { account: id, tier: 'free', timeZone: 'UTC', limits: {}, credit }
}

test('a snapshot is what a replay of its segments gives', async () => {
  const snapshot = await readSnapshot(whole)
  const upTo = snapshot?.segment ?? 0
  const { books, position } = replaySegments(whole, { snapshot: undefined, upTo })
  expect(textOf(books)).toBe(textOf(booksFrom(snapshot)))
  expect(position).toMatchObject({ seq: snapshot?.seq, crc: snapshot?.crc, chain: snapshot?.chain })
  expect(books.holds.size).toBeGreaterThan(0)
})

test('a start from the snapshot finds what a start from nothing finds', async () => {
  const without = copied()
  fs.rmSync(without.snapshot)
  fs.rmSync(without.previousSnapshot)
  const [short, long] = [await recover(copied()), await recover(without)]
  expect(textOf(short.books)).toBe(textOf(long.books))
  expect(short.tail).toEqual(long.tail)
})

const BROKEN: [what: string, breakIt: (file: string) => void][] = [
  ['empty', (file) => fs.truncateSync(file)],
  ['half', (file) => fs.truncateSync(file, Math.floor(fs.statSync(file).size / 2))],
  ['null', (file) => fs.writeFileSync(file, 'null')],
  ['a list', (file) => fs.writeFileSync(file, '[]')],
  ['a number', (file) => fs.writeFileSync(file, '5')],
  ['of another program', (file) => fs.writeFileSync(file, '{"tokens":[{"id":"a"}]}')],
  ['gone', (file) => fs.rmSync(file)],
]

describe('a snapshot that is broken costs nothing but time', () => {
  test.each(BROKEN)(
    '%s: the one before it and the journal give the same books',
    async (_, breakIt) => {
      const paths = copied()
      const expected = textOf((await recover(copied())).books)
      breakIt(paths.snapshot)
      // Only the one before it can make up for a segment that is not there.
      fs.rmSync(path.join(paths.journal, segmentFile(1)))
      expect(textOf((await recover(paths)).books)).toBe(expected)
    },
  )

  test.each(BROKEN)('%s, and so is the one before: the journal alone does', async (_, breakIt) => {
    const paths = copied()
    const expected = textOf((await recover(copied())).books)
    breakIt(paths.snapshot)
    breakIt(paths.previousSnapshot)
    expect(textOf((await recover(paths)).books)).toBe(expected)
    const store = await openAt(paths.dir)
    await spend(store, 'after')
    await store.close()
    const broken = auditFolder({ db: paths.dir }).findings.map(({ file }) => file)
    expect(broken).not.toContain(paths.snapshot) // it has been made anew
    expect(segmentOf(paths.snapshot)).toBeGreaterThan(segmentOf(whole.snapshot))
  })
})

test('a half-written snapshot beside the real one is never taken for it', async () => {
  const paths = copied()
  fs.writeFileSync(`${paths.snapshot}.0123456789ab.tmp`, '{"format":"tollgate-snap')
  const [mine, other] = [await recover(paths), await recover(copied())]
  expect(textOf(mine.books)).toBe(textOf(other.books))
})

test.each([
  ['a balance', /("balance": ")\d+/, '$19999999'],
  ['a tier', /("tier": ")free/, '$1vip'],
  ['the operator’s costs', /("overrun": ")\d+/, '$10'],
])('a snapshot in which somebody changed %s is refused by name', async (_, from, to) => {
  const paths = copied()
  const text = fs.readFileSync(paths.snapshot, 'utf8')
  const edited = text.replace(from, to)
  expect(edited).not.toBe(text)
  fs.writeFileSync(paths.snapshot, edited)
  const error: unknown = await recover(paths).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(EditedSnapshot)
  expect(String(error)).toContain(paths.snapshot)
})

test('packed segments give the books that plain ones give', async () => {
  const packed = copied()
  fs.rmSync(packed.snapshot)
  fs.rmSync(packed.previousSnapshot)
  for (const one of segmentsIn(packed.journal).slice(0, -1)) {
    const file = path.join(packed.journal, segmentFile(one))
    fs.writeFileSync(packedFile(file), gzipSync(fs.readFileSync(file)))
    fs.rmSync(file)
  }
  expect(textOf((await recover(packed)).books)).toBe(textOf((await recover(copied())).books))
})

test('a segment that is missing is refused by name', async () => {
  const [_first, second = 0, ...rest] = segmentsIn(whole.journal)
  for (const missing of [second, rest.at(-2) ?? 0]) {
    const paths = copied()
    fs.rmSync(paths.snapshot)
    fs.rmSync(paths.previousSnapshot)
    const file = path.join(paths.journal, segmentFile(missing))
    fs.rmSync(file)
    const error: unknown = await recover(paths).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CorruptStore)
    expect(String(error)).toContain(`${file} is missing`)
  }
})
