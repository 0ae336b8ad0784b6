import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chargeOf, holdOf, withAccount } from '../store/contract.ts'
import { openStore } from '../store/lowdb/open-store.ts'
import { auditFolder } from './audit.ts'
import { salvageFolder } from './salvage.ts'
import { copyFolder } from '../store/copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-salvage-'))
const honest = path.join(root, 'honest')
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const openAt = (dir: string) =>
  openStore({
    ...{ dir, purpose: 'server', now: () => 1_000, segmentBytesMax: 4_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

/** Five segments or so, one batch a record, and two snapshots. */
beforeAll(async () => {
  for (const run of ['a', 'b', 'c']) {
    const store = await openAt(honest)
    if (run === 'a') await withAccount(store, 'acme', 9_000n)
    for (let n = 0; n < 8; n++) {
      await store.ledger.hold(holdOf(`${run}${n}`, 20n))
      await store.ledger.settle(chargeOf(`${run}${n}`, 15n))
    }
    await store.close()
  }
})

const segments = (dir: string): string[] => {
  const journal = path.join(dir, 'journal')
  const names = fs.readdirSync(journal).filter((name) => name.startsWith('0'))
  return names.sort().map((name) => path.join(journal, name))
}
const linesOf = (file = '') => fs.readFileSync(file, 'utf8').trimEnd().split('\n')
const snapshotsOf = (dir: string) =>
  ['gateway.json', 'gateway.prev.json'].map((name) => path.join(dir, name))
const withoutSnapshots = (dir: string) => {
  for (const file of snapshotsOf(dir)) fs.rmSync(file)
}

/** Everything in a folder, for telling whether anybody touched it. */
function sumOf(dir: string): string {
  const hash = createHash('sha256')
  const entries = fs.readdirSync(dir, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = path.join(entry.parentPath, entry.name)
    hash.update(file).update(fs.readFileSync(file))
  }
  return hash.digest('hex')
}

function rewrite(file = '', change: (lines: string[]) => string[]): void {
  fs.writeFileSync(file, `${change(linesOf(file)).join('\n')}\n`)
}

/** `at`: the line of the second segment at which the damage begins. */
const LINE = 3
const DAMAGES: [what: string, damage: (dir: string) => void][] = [
  ['a changed digit', (dir) => rewrite(segments(dir)[1], changed)],
  ['a line that is gone', (dir) => rewrite(segments(dir)[1], (all) => all.toSpliced(LINE, 1))],
  [
    'a line twice',
    (dir) => rewrite(segments(dir)[1], (all) => all.toSpliced(LINE, 0, all[2] ?? '')),
  ],
  ['two lines swapped', (dir) => rewrite(segments(dir)[1], swapped)],
  ['zeros', (dir) => overwrite(segments(dir)[1], Buffer.alloc(100))],
  ['nonsense', (dir) => overwrite(segments(dir)[1], Buffer.from('x\ny"{}'.repeat(20)))],
  ['an end in the middle', (dir) => fs.truncateSync(segments(dir)[1] ?? '', offsetOf(dir) + 10)],
]
const changed = (all: string[]) =>
  all.with(LINE, (all[LINE] ?? '').replace(/("seq":\d+,"kind":")./, '$1X'))
const swapped = (all: string[]) =>
  all.with(LINE, all[LINE + 1] ?? '').with(LINE + 1, all[LINE] ?? '')
const offsetOf = (dir: string) =>
  Buffer.byteLength(linesOf(segments(dir)[1]).slice(0, LINE).join('\n')) + 1
function overwrite(file = '', bytes: Buffer): void {
  const fd = fs.openSync(file, 'r+')
  fs.writeSync(fd, bytes, 0, bytes.length, offsetOf(path.join(file, '..', '..')))
  fs.closeSync(fd)
}

let folders = 0
function damaged(damage: (dir: string) => void): { dir: string; to: string } {
  const dir = path.join(root, `case-${++folders}`)
  copyFolder(honest, dir)
  damage(dir)
  return { dir, to: path.join(root, `copy-${folders}`) }
}

const seqBefore = () =>
  (JSON.parse(linesOf(segments(honest)[1])[LINE - 1] ?? '') as { seq: number }).seq
const lastSeq = () => auditFolder({ db: honest }).seq

async function startOn(dir: string): Promise<bigint | undefined> {
  const store = await openAt(dir)
  const balance = store.ledger.account('acme')?.credit.balance
  await store.ledger.hold(holdOf('after', 1n))
  await store.close()
  return balance
}

describe('without snapshots, the copy ends before the damage', () => {
  test.each(DAMAGES)('%s', async (_, damage) => {
    const { dir, to } = damaged((one) => {
      withoutSnapshots(one)
      damage(one)
    })
    const before = sumOf(dir)
    const salvaged = salvageFolder(dir, to)
    expect(sumOf(dir)).toBe(before)
    expect(salvaged).toMatchObject({ findings: 0, kept: { after: 0, seq: seqBefore() } })
    expect(salvaged.lost.seqs).toEqual([seqBefore() + 1, lastSeq()])
    expect(salvaged.lost.bytes).toBeGreaterThan(0)
    expect(salvaged.lost.accounts).toMatchObject([{ account: 'acme' }])
    expect(salvaged.stoppedBy).toMatchObject({ file: expect.stringContaining('journal') as string })
    expect(auditFolder({ db: to })).toMatchObject({ findings: [], notes: [] })
    expect(await startOn(to)).toBe(balanceAt(seqBefore()))
    expect(auditFolder({ db: to }).findings).toEqual([])
  })
})

function balanceAt(seq: number): bigint {
  const lines = segments(honest).flatMap(linesOf)
  const said = lines.slice(0, seq).map((line) => (JSON.parse(line) as { balance?: string }).balance)
  return BigInt(said.findLast((one) => one !== undefined) ?? 0)
}

describe('where a snapshot behind the damage is sound, no credit is lost', () => {
  const MORE: typeof DAMAGES = [
    ...DAMAGES,
    ['a segment that is gone', (dir) => fs.rmSync(segments(dir)[1] ?? '')],
    ['the first segment that is gone', (dir) => fs.rmSync(segments(dir)[0] ?? '')],
    ['a packed segment that is broken', (dir) => breakPacked(segments(dir)[1] ?? '')],
  ]
  test.each(MORE)('%s', async (_, damage) => {
    const { dir, to } = damaged(damage)
    const salvaged = salvageFolder(dir, to)
    expect(salvaged).toMatchObject({ findings: 0, kept: { seq: lastSeq() } })
    expect(salvaged.kept.after).toBeGreaterThan(0)
    expect(salvaged.lost.seqs).toBeUndefined()
    expect(salvaged.lost.history.length).toBeGreaterThan(0)
    expect(await startOn(to)).toBe(balanceAt(lastSeq()))
    expect(auditFolder({ db: to }).findings).toEqual([])
  })
})

function breakPacked(file: string): void {
  const packed = gzipSync(fs.readFileSync(file))
  packed.fill(0, Math.floor(packed.length / 2))
  fs.writeFileSync(`${file}.gz`, packed)
  fs.rmSync(file)
}

test('books that are sound are copied whole', async () => {
  const { dir, to } = damaged(() => undefined)
  const salvaged = salvageFolder(dir, to)
  expect(salvaged.stoppedBy).toBeUndefined()
  expect(salvaged.lost).toEqual({ bytes: 0, readable: 0, unreadable: 0, accounts: [], history: [] })
  expect(await startOn(to)).toBe(balanceAt(lastSeq()))
})

test('what is lost is written down in the copy', () => {
  const { dir, to } = damaged((one) => {
    withoutSnapshots(one)
    rewrite(segments(one)[1], changed)
  })
  const { lost } = salvageFolder(dir, to)
  const note = JSON.parse(fs.readFileSync(path.join(to, 'salvaged.json'), 'utf8')) as object
  expect(note).toMatchObject({ from: dir, lost: JSON.parse(JSON.stringify(lost)) as object })
})

test('a folder with something in it is not written to', () => {
  const { dir, to } = damaged(() => undefined)
  fs.mkdirSync(to)
  fs.writeFileSync(path.join(to, 'mine'), '')
  expect(() => salvageFolder(dir, to)).toThrow('is not empty')
  expect(fs.readdirSync(to)).toEqual(['mine'])
})

test('the command salvages, says what is lost, and ends with 0', () => {
  const { dir, to } = damaged((one) => {
    withoutSnapshots(one)
    rewrite(segments(one)[1], changed)
  })
  const command = path.join(import.meta.dirname, '..', 'cli', 'audit.ts')
  const args = ['--import', 'tsx', command, '--db', dir, '--salvage', to]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(status).toBe(0)
  expect(stdout).toContain(`Lost: seq ${seqBefore() + 1} to ${lastSeq()}`)
  expect(stdout).toContain('The copy passes the audit')
})
