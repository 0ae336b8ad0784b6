import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { crc32, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { micro } from '../domain/money.ts'
import { auditFolder } from '../wiring/audit.ts'
import { chargeOf, holdOf, NOT_SENT, withAccount } from './contract.ts'
import { slicesOf } from './lowdb/live-accounts.ts'
import { makeSnapshot } from './lowdb/make-snapshot.ts'
import { openStore } from './lowdb/open-store.ts'
import { copyFolder } from './copied-folder.ts'

type Entry = Record<string, string> & { seq: number; at: number; chain?: string; crc?: string }
type Edit = (lines: Entry[]) => void

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-audit-'))
const honest = path.join(root, 'honest')

const LATER = 41 * 60_000

const openHonest = (now: () => number) =>
  openStore({
    ...{ dir: honest, purpose: 'server', now, segmentBytesMax: 6_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
    // The thread would pack segments behind it, sooner or later; here all of them are looked at as they were written.
    makeSnapshot: ({ dir, upTo, accounts }) =>
      makeSnapshot({ dir, upTo, live: slicesOf(accounts), pace: () => undefined }),
  })

beforeAll(async () => {
  const first = await openHonest(() => 1_000)
  await withAccount(first, 'acme', 1_000n)
  await withAccount(first, 'zeta', 10n)
  for (const id of ['h1', 'h2', 'h3', 'h4']) await first.ledger.hold(holdOf(id, 200n))
  await first.ledger.settle(chargeOf('h1', 500n)) // 100 beyond what is held and free
  await first.ledger.settle(chargeOf('h2', 30n, { payer: 'operator', outcome: 'cut' }))
  await first.ledger.release('h3', NOT_SENT)
  first.ledger.progress('h4', micro(7n))
  await vi.waitFor(() => {
    expect(segments(honest).map(linesOf).flat().join()).toContain('"kind":"progress"')
  }, 30_000)
  await first.registry.revokeKey('key_zeta')
  await first.close()
  const second = await openHonest(() => 1_000 + LATER)
  await second.ledger.endOrphan('h4', micro(7n))
  for (let n = 0; n < 8; n++) await second.ledger.hold(holdOf(`late${n}`, 10n))
  await second.close()
})
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const segments = (dir: string) => {
  const journal = path.join(dir, 'journal')
  const names = fs.readdirSync(journal).filter((name) => name.endsWith('.jsonl'))
  return names.sort().map((name) => path.join(journal, name))
}

/** A copy of the honest folder to lie in. */
function copied(name: string): string {
  const dir = path.join(root, name)
  copyFolder(honest, dir)
  return dir
}

/** The journal with other lines, numbered, summed and chained as if they had always been there; answers the first seq of the lie. */
function forged(dir: string, edit: Edit): number {
  const lines = segments(dir).map((file) => fs.readFileSync(file, 'utf8').trimEnd().split('\n'))
  const entries = lines.flat().map((line) => JSON.parse(line) as Entry)
  const honestly = entries.map((entry) => JSON.stringify(entry))
  edit(entries)
  for (const file of segments(dir).slice(1)) fs.rmSync(file)
  for (const name of ['gateway.json', 'gateway.prev.json', 'journal/HEAD']) {
    fs.rmSync(path.join(dir, name), { force: true })
  }
  let [crc, chain, text] = [0, '0'.repeat(64), '']
  for (const [index, entry] of entries.entries()) {
    const { seq: _seq, chain: _chain, crc: _crc, batch: _batch, ...facts } = entry
    const after = facts['kind'] === 'open' ? { after: chain } : {}
    const body = JSON.stringify({ seq: index + 1, ...facts, ...after }).slice(0, -1)
    chain = createHash('sha256').update(chain).update(body).digest('hex')
    crc = crc32(`${body},"chain":"${chain}"`, crc)
    const sum = crc.toString(16).padStart(8, '0')
    text += `${body},"chain":"${chain}","crc":"${sum}"}\n`
  }
  fs.writeFileSync(segments(dir)[0] ?? '', text)
  if (entries.length < honestly.length) return 1 // what is missing is found where it was promised
  return 1 + entries.findIndex((entry, index) => JSON.stringify(entry) !== honestly[index])
}

function seqAt({ file, offset }: { file: string; offset: number }): number {
  const bytes = fs.readFileSync(file)
  return (JSON.parse(bytes.toString('utf8', offset, bytes.indexOf('\n', offset))) as Entry).seq
}

const rulesIn = (dir: string) => [
  ...new Set(auditFolder({ db: dir }).findings.map(({ rule }) => rule)),
]

const one = (lines: Entry[], kind: string, ref = ''): Entry => {
  const found = lines.find((line) => line['kind'] === kind && (ref === '' || line['ref'] === ref))
  if (found === undefined) throw new Error(`no ${kind} of ${ref}`)
  return found
}
const drop = (lines: Entry[], entry: Entry) => lines.splice(lines.indexOf(entry), 1)
const double = (lines: Entry[], entry: Entry) => lines.splice(lines.indexOf(entry), 0, entry)

/** Each lie is told with sound sums, so that its rule alone can find it out. */
const LIES: [rule: string, lie: string, edit: Edit][] = [
  ['A4', 'a balance that was raised', (all) => (one(all, 'settle', 'h4')['balance'] = '999')],
  ['A4', 'an account that was never made', (all) => drop(all, one(all, 'account'))],
  ['A5', 'a hold that the account does not feel', (all) => (one(all, 'hold')['held'] = '0')],
  ['A6', 'a hold beyond the credit', (all) => lend(one(all, 'hold', 'h4'))],
  ['A7', 'a hold that ended twice', (all) => double(all, one(all, 'settle', 'h1'))],
  ['A7', 'a charge after a release', (all) => rename(one(all, 'settle', 'h4'), 'h3')],
  ['A8', 'a charge without a hold', (all) => rename(one(all, 'settle', 'h4'), 'nobody')],
  ['A8', 'a charge above the cost', (all) => (one(all, 'settle', 'h1')['cost'] = '399')],
  ['A8', 'a cost that nobody paid', (all) => drop(all, one(all, 'overrun', 'h1'))],
  ['A8', 'an overrun that is too small', (all) => (one(all, 'overrun')['amount'] = '99')],
  ['A8', 'an overrun while credit was free', (all) => (one(all, 'overrun', 'h2')['reason'] = 'x')],
  ['A9', 'a grant that counts twice', (all) => double(all, one(all, 'credit', 'grant-acme'))],
  ['A9', 'a second hold of one name', (all) => rename(one(all, 'hold', 'late1'), 'late0')],
  ['A11', 'money out of nothing', (all) => (one(all, 'credit')['amount'] = '999')],
  ['A12', 'a negative amount', (all) => (one(all, 'hold', 'h2')['amount'] = '-200')],
  ['A12', 'an amount with a fraction', (all) => (one(all, 'hold', 'h2')['input'] = '0.5')],
  [
    'A12',
    'an amount beyond every range',
    (all) => (one(all, 'credit')['amount'] = `9${'0'.repeat(18)}1`),
  ],
  ['A14', 'a hold that a dead run left', (all) => drop(all, one(all, 'settle', 'h4'))],
  ['A16', 'a charge without its usage', (all) => delete one(all, 'settle', 'h1')['usage']],
  ['A16', 'a charge to another key', (all) => (one(all, 'settle', 'h1')['key'] = 'key_zeta')],
  [
    'A16',
    'a charge for more than was used',
    (all) => Object.assign(one(all, 'settle', 'h1'), { usage: { input: 499 } }),
  ],
  ['A16', 'a charge for another price', (all) => (one(all, 'price')['scale'] = '2')],
  [
    'A16',
    'a charge after a crash that was noted otherwise',
    (all) => (one(all, 'progress', 'h4')['cost'] = '8'),
  ],
  ['A16', 'a charge by an unknown price', (all) => (one(all, 'settle', 'h1')['price'] = 'free')],
]

/** The same notes again and again, ten minutes apart. */
function aDayOf(lines: Entry[]): Entry[] {
  const last = lines.at(-1)?.at ?? 0
  const note = one(lines, 'account')
  return Array.from({ length: 150 }, (_, n) => ({ ...note, at: last + n * 600_000 }) as Entry)
}

const rename = (entry: Entry, ref: string) => (entry['ref'] = ref)
function lend(entry: Entry): void {
  Object.assign(entry, { amount: '900', held: '1500' })
}

test('true books are found true, over restarts, segments and snapshots', () => {
  expect(segments(honest).length).toBeGreaterThan(1)
  const { findings, notes, records } = auditFolder({ db: honest })
  expect([findings, notes]).toEqual([[], []])
  expect(records).toBe(segments(honest).map(linesOf).flat().length)
})
const linesOf = (file: string) => fs.readFileSync(file, 'utf8').trimEnd().split('\n')

test('the forger’s own hand is not what gives a lie away', () => {
  const dir = copied('unedited')
  forged(dir, () => undefined)
  expect(rulesIn(dir)).toEqual([])
})

describe('a forger who knows the sums and the chain is found out by the rules', () => {
  test.each(LIES)('%s: %s', (rule, lie, edit) => {
    const dir = copied(`forged ${lie}`)
    const first = forged(dir, edit)
    const found = auditFolder({ db: dir }).findings.find((finding) => finding.rule === rule)
    expect(found?.seq ?? first).toBeGreaterThanOrEqual(first)
    if (found?.seq !== undefined) expect(seqAt(found)).toBe(found.seq)
    expect(found).toBeDefined()
  })
})

test('A14: a hold that its own run has not ended for a day is found, and a clock that was set is none', () => {
  const [dir, jumped] = [copied('a day'), copied('a jump')]
  forged(dir, (all) => all.push(...aDayOf(all)))
  expect(rulesIn(dir)).toEqual(['A14'])
  forged(jumped, (all) => all.push(...aDayOf(all).slice(-1)))
  expect(rulesIn(jumped)).toEqual([])
})

test('a finding says where it is: account, seq, file and offset', () => {
  const dir = copied('place')
  forged(dir, (all) => (one(all, 'settle', 'h4')['balance'] = '9990'))
  const file = segments(dir)[0] ?? ''
  const bytes = fs.readFileSync(file)
  const offset = bytes.lastIndexOf('\n', bytes.indexOf('"9990"')) + 1
  const { seq } = JSON.parse(bytes.toString('utf8', offset, bytes.indexOf('\n', offset))) as Entry
  const [finding] = auditFolder({ db: dir }).findings
  expect(finding).toMatchObject({ rule: 'A4', account: 'acme', seq, file, offset })
})

/** Damage that needs no forger. */
const DAMAGE: [rule: string, what: string, damage: (dir: string) => void][] = [
  ['A1', 'a lost line', (dir) => replace(segments(dir)[0], /\n.*"kind":"key".*(?=\n)/, '')],
  ['A1', 'a lost segment', (dir) => fs.rmSync(segments(dir)[0] ?? '')],
  ['A1', 'a journal that ends before HEAD', (dir) => fs.truncateSync(segments(dir).at(-1) ?? '')],
  [
    'A2',
    'a changed digit',
    (dir) => replace(segments(dir)[0], '"amount":"1000"', '"amount":"2000"'),
  ],
  [
    'A3',
    'a chain of another history',
    (dir) => replace(headOf(dir), /"chain":"..../, '"chain":"0000'),
  ],
  [
    'A15',
    'a snapshot with another balance',
    (dir) => replace(snapshotOf(dir), '"balance": "10"', '"balance": "11"'),
  ],
  ['A15', 'an empty snapshot', (dir) => fs.truncateSync(snapshotOf(dir))],
  ['A15', 'a snapshot with a lie of its own and a right digest', (dir) => forgedSnapshot(dir)],
  [
    'A17',
    'a key in plain text',
    (dir) => fs.writeFileSync(path.join(dir, 'note'), KEY, { mode: 0o600 }),
  ],
  ['A18', 'a journal that others can read', (dir) => fs.chmodSync(segments(dir)[0] ?? '', 0o644)],
  ['A18', 'a folder that others can enter', (dir) => fs.chmodSync(dir, 0o750)],
]
const KEY = `{"message":"hello tg-${'aB3'.repeat(17).slice(0, 49)} bye"}`
const headOf = (dir: string) => path.join(dir, 'journal', 'HEAD')
const snapshotOf = (dir: string) => path.join(dir, 'gateway.json')
function replace(file = '', from: string | RegExp, to: string): void {
  const before = fs.readFileSync(file, 'utf8')
  const after = before.replace(from, to)
  if (after === before) throw new Error(`nothing to damage in ${file}`)
  fs.writeFileSync(file, after)
}
function forgedSnapshot(dir: string): void {
  replace(snapshotOf(dir), '"tier": "free"', '"tier": "vip"')
  const snapshot = JSON.parse(fs.readFileSync(snapshotOf(dir), 'utf8')) as { state: object }
  const digest = createHash('sha256').update(JSON.stringify(snapshot.state)).digest('hex')
  fs.writeFileSync(snapshotOf(dir), JSON.stringify({ ...snapshot, digest }))
}

describe('damage is found', () => {
  test.each(DAMAGE)('%s: %s', (rule, what, damage) => {
    const dir = copied(`damaged ${what}`)
    damage(dir)
    expect(rulesIn(dir)).toContain(rule)
  })
})

test('a line that is being written is a note, and nothing is wrong', () => {
  const dir = copied('tail')
  fs.appendFileSync(segments(dir).at(-1) ?? '', '{"seq":99,"kind":"ho')
  const { findings, notes } = auditFolder({ db: dir })
  expect(findings).toEqual([])
  expect(notes).toEqual([expect.stringContaining('tail being written')])
})

test('a key is found in the logs too, also where they are compressed, and is not said again', () => {
  const logs = path.join(root, 'logs')
  fs.mkdirSync(logs)
  fs.writeFileSync(path.join(logs, 'old.log.gz'), gzipSync(`one\n${KEY}\n`))
  const { findings } = auditFolder({ db: honest, logs })
  expect(findings).toMatchObject([{ rule: 'A17', file: path.join(logs, 'old.log.gz') }])
  expect(JSON.stringify(findings)).not.toContain('aB3aB3')
})

test('a folder without books is not called clean', () => {
  expect(() => auditFolder({ db: path.join(root, 'nothing') })).toThrow('no journal')
})

test('the command says what it found, and ends with 0, 1 or 2', () => {
  const command = path.join(import.meta.dirname, '..', 'cli', 'audit.ts')
  const run = (db: string) => {
    const args = ['--import', 'tsx', command, '--db', db, '--logs', path.join(root, 'no-logs')]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    return { status, text: stdout + stderr }
  }
  const dir = copied('command')
  forged(dir, (all) => (one(all, 'settle', 'h4')['balance'] = '9990'))
  expect(run(honest)).toEqual({ status: 0, text: expect.stringContaining('true') as string })
  const lie = expect.stringMatching(/^A4 .*account acme\)$/m) as string
  expect(run(dir)).toEqual({ status: 1, text: lie })
  expect(run(path.join(root, 'nothing')).status).toBe(2)
})
