import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chargeOf, holdOf, withAccount } from '../store/contract.ts'
import { openStore, type Store } from '../store/lowdb/open-store.ts'
import { packSealed } from '../store/lowdb/pack-sealed.ts'
import { dbPaths } from '../store/lowdb/segments.ts'
import { auditFolder } from './audit.ts'
import { copyFolder } from '../store/copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-audit-at-'))
const honest = path.join(root, 'honest')
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const openAt = (dir: string, segmentBytesMax = 4_000) =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

async function spend(store: Store, name: string): Promise<void> {
  await store.ledger.hold(holdOf(name, 20n))
  await store.ledger.settle(chargeOf(name, 15n))
}

beforeAll(async () => {
  const store = await openAt(honest)
  await withAccount(store, 'acme', 100n)
  await store.ledger.hold(holdOf('poor', 90n))
  await store.ledger.settle(chargeOf('poor', 150n)) // more than there is: an overrun follows
  await withAccount(store, 'zeta', 100n)
  for (let n = 0; n < 5; n++) await store.ledger.hold(holdOf(`z${n}`, 10n, 'zeta'))
  await store.close()
})

type Line = { seq: number; kind: string; ref?: string; account?: string }
const linesIn = (dir: string) =>
  fs
    .readdirSync(path.join(dir, 'journal'))
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) =>
      fs
        .readFileSync(path.join(dir, 'journal', name), 'utf8')
        .trimEnd()
        .split('\n'),
    )
    .map((line) => JSON.parse(line) as Line)

test('the books are proven at every seq, also between a charge and its overrun', () => {
  const lines = linesIn(honest)
  expect(lines.some(({ kind }) => kind === 'overrun')).toBe(true)
  for (const { seq } of lines) {
    expect(auditFolder({ db: honest, at: seq })).toMatchObject({ findings: [], records: seq, seq })
  }
})

test('a lie is found at its seq, and the books before it are true', () => {
  const dir = path.join(root, 'lie')
  copyFolder(honest, dir)
  const lie = linesIn(dir).find(({ ref }) => ref === 'z3')?.seq ?? 0
  const file = path.join(dir, 'journal', '00000001.jsonl')
  const text = fs.readFileSync(file, 'utf8')
  fs.writeFileSync(file, text.replace('"ref":"z3","amount":"10"', '"ref":"z3","amount":"11"'))
  expect(auditFolder({ db: dir, at: lie - 1 }).findings).toEqual([])
  const [finding] = auditFolder({ db: dir, at: lie }).findings
  expect(finding).toMatchObject({ rule: 'A2', seq: lie, file })
})

test('a seq that the journal does not have is no proof', () => {
  const { seq } = auditFolder({ db: honest })
  expect(() => auditFolder({ db: honest, at: seq + 1 })).toThrow(`ends with seq ${seq}`)
})

test('a place in a packed segment is one of its unpacked bytes', async () => {
  const dir = path.join(root, 'packed')
  const store = await openAt(dir)
  await withAccount(store, 'acme', 9_000n)
  for (let n = 0; n < 20; n++) await spend(store, `p${n}`)
  await store.close()
  for (const name of ['gateway.json', 'gateway.prev.json']) fs.rmSync(path.join(dir, name))
  const file = path.join(dir, 'journal', '00000001.jsonl')
  const bytes = fs.readFileSync(file)
  const offset = bytes.indexOf('{"seq":9,')
  bytes.write('acne', bytes.indexOf('acme', offset))
  fs.writeFileSync(file, bytes)
  packSealed(dbPaths(dir), { upTo: 1, pace: () => undefined, isEnough: () => false })
  const [finding] = auditFolder({ db: dir }).findings
  expect(finding).toMatchObject({ rule: 'A2', file: `${file}.gz`, offset, seq: 9 })
})

test('while a server writes, seals, packs and makes snapshots, there is nothing to find', async () => {
  const dir = path.join(root, 'busy')
  const store = await openAt(dir, 20_000)
  await withAccount(store, 'acme', 1_000_000n)
  const until = { done: false }
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    for (let n = 0; !until.done; n++) await spend(store, `c${caller}-${n}`)
  })
  const seqs: number[] = []
  for (let round = 0; round < 3; round++) seqs.push(await auditApart(dir))
  until.done = true
  await Promise.all(callers)
  await store.close()
  expect(seqs.toSorted((a, b) => a - b)).toEqual(seqs)
  expect(new Set(seqs).size).toBe(seqs.length)
})

/** As another process, which sees the folder change under its eyes; answers the seq that it proved. */
function auditApart(db: string): Promise<number> {
  const command = path.join(import.meta.dirname, '..', 'cli', 'audit.ts')
  const args = ['--import', 'tsx', command, '--db', db, '--logs', db, '--json']
  const child = spawn(process.execPath, args)
  let text = ''
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => (text += piece.toString()))
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve((JSON.parse(text) as { seq: number }).seq)
      else reject(new Error(`the audit ended with ${code}: ${text}`))
    })
  })
}
