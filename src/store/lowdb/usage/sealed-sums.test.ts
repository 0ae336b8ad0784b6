import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { micro } from '../../../domain/money.ts'
import { chargeOf, holdOf, PRICE, withAccount } from '../../contract.ts'
import { slicesOf } from '../live-accounts.ts'
import { makeSnapshot, type SnapshotMade } from '../make-snapshot.ts'
import { openStore } from '../open-store.ts'
import { recover } from '../recover.ts'
import { dbPaths, segmentFile, segmentsIn, type DbPaths } from '../segments.ts'
import { UsageReader } from './reader.ts'
import { copyFolder } from '../../copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-sealed-'))
const whole = dbPaths(path.join(root, 'whole'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const requestId = (n: number): string => `req_a${1_000_000_000 + n}`
/** Names that are written as they are, and names that are not. */
const MODELS = ['gpt', 'größer', 'a "b"']

/** Charges, chains, releases and refunds of what older segments have, in segments that nothing is kept beside. */
beforeAll(async () => {
  const store = await openStore({
    ...{ dir: whole.dir, purpose: 'server', now: Date.now, segmentBytesMax: 8_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
    makeSnapshot: () => Promise.reject(new Error('none is made')),
  })
  const { ledger, registry } = store
  await withAccount(store, 'acme', 100_000n)
  const sub = { tier: 'free', subAccountsMax: 0, by: 'test', markup: '0.1' }
  await registry.openSubAccount({ id: 'shop', parent: 'acme', ...sub })
  await registry.book(
    { kind: 'credit', account: 'shop', amount: micro(90_000n) },
    { id: 'grant', by: 'test', reason: 'test' },
  )
  for (let n = 0; n < 60; n++) {
    const account = n % 4 === 0 ? 'shop' : 'acme'
    const resale = ledger.resale(account)
    const price = resale?.ownPrice(PRICE) ?? PRICE
    await ledger.hold({ ...holdOf(requestId(n), 400n, account), resale, price })
    const model = MODELS[n % MODELS.length] ?? ''
    const isEstimated = n % 9 === 0
    if (n % 7 === 0) await ledger.release(requestId(n), { outcome: 'failed', attempts: [] })
    else
      await ledger.settle({ ...chargeOf(requestId(n), BigInt(n), { model, isEstimated }), price })
    if (n > 8 && n % 10 === 4)
      await registry.book(
        { kind: 'refund', request: requestId(n - 8), amount: micro(1n) },
        { id: `refund-${n}`, by: 'test', reason: 'test' },
      )
  }
  await store.close()
})

let folders = 0
function copied(): DbPaths {
  const paths = dbPaths(path.join(root, `case-${++folders}`))
  copyFolder(whole.dir, paths.dir)
  fs.rmSync(paths.usage, { recursive: true, force: true })
  return paths
}

/** `lie`: what memory says that acme has. */
async function snapshotOf(paths: DbPaths, upTo: number, lie?: bigint): Promise<SnapshotMade> {
  const { accounts } = (await recover(paths)).books
  for (const account of accounts.values()) account.movedIn = lie === undefined ? 1_000 : 0
  const acme = accounts.get('acme')
  if (acme !== undefined && lie !== undefined)
    acme.credit = { balance: micro(lie), held: micro(0n) }
  return makeSnapshot({ dir: paths.dir, upTo, live: slicesOf(accounts), pace: () => undefined })
}

const sealedIn = ({ journal }: DbPaths): readonly number[] => segmentsIn(journal).slice(0, -1)
const kept = ({ usage }: DbPaths): Record<string, string> =>
  Object.fromEntries(
    (fs.existsSync(usage) ? fs.readdirSync(usage) : []).map((name) => [
      name,
      fs.readFileSync(path.join(usage, name), 'latin1'),
    ]),
  )

test('what a snapshot keeps beside its segments is, to the byte, what a question makes of them', async () => {
  const [bySnapshots, byQuestion] = [copied(), copied()]
  for (const segment of sealedIn(bySnapshots))
    expect(await snapshotOf(bySnapshots, segment)).toMatchObject({ kind: 'made' })
  const reader = new UsageReader(byQuestion)
  for (const segment of sealedIn(byQuestion)) reader.make(segment)
  expect(Object.keys(kept(bySnapshots)).length).toBeGreaterThan(4)
  expect(kept(bySnapshots)).toEqual(kept(byQuestion))
})

test('whoever has asked before finds it when it is there, and does not read the segment again', async () => {
  const paths = copied()
  const reader = new UsageReader(paths)
  const [end, sealed] = [{ segment: sealedIn(paths).length + 1, offset: 0 }, sealedIn(paths)]
  expect(reader.missing(end)).toEqual(sealed)
  for (const segment of sealed) await snapshotOf(paths, segment)
  expect(reader.missing(end)).toEqual([])
})

test('a snapshot that comes late, over several segments, sums up the newest of them', async () => {
  const paths = copied()
  const last = sealedIn(paths).at(-1) ?? 0
  await snapshotOf(paths, last)
  const newest = [last - 2, last - 1, last].map((one) => `${segmentFile(one).slice(0, 8)}.usage`)
  expect(Object.keys(kept(paths))).toEqual(expect.arrayContaining(newest))
})

test('where memory is not what the journal adds up to, nothing is kept', async () => {
  const paths = copied()
  expect(await snapshotOf(paths, 1, 1n)).toMatchObject({ kind: 'differs' })
  expect(kept(paths)).toEqual({})
})

test('beside a segment that is not sound nothing is kept', async () => {
  const paths = copied()
  const file = path.join(paths.journal, segmentFile(2))
  const { accounts } = (await recover(paths)).books
  fs.writeFileSync(
    file,
    fs.readFileSync(file, 'latin1').replace(/"cost":"./g, '"cost":"9'),
    'latin1',
  )
  const task = { dir: paths.dir, upTo: 2, live: slicesOf(accounts), pace: () => undefined }
  await expect(makeSnapshot(task)).rejects.toThrow('its crc is wrong')
  expect(kept(paths)).toEqual({})
})

test('a snapshot is made also where its usage cannot be added up, and says so', async () => {
  const paths = copied()
  const file = (segment: number) => path.join(paths.journal, segmentFile(segment))
  const isRefunding = (segment: number) =>
    fs.readFileSync(file(segment), 'utf8').includes('"kind":"refund"')
  const refunding = sealedIn(paths).find(isRefunding) ?? 0
  await snapshotOf(paths, refunding - 1)
  fs.rmSync(paths.usage, { recursive: true })
  // What is given back was charged in one of these.
  for (let segment = 1; segment < refunding; segment++) fs.writeFileSync(file(segment), 'gone\n')
  const made = await snapshotOf(paths, refunding)
  expect(made).toMatchObject({ kind: 'made', unsummed: expect.any(SyntaxError) as unknown })
  expect(kept(paths)).toEqual({})
})
