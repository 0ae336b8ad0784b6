import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Correction } from '../domain/correction.ts'
import { micro } from '../domain/money.ts'
import { auditFolder } from '../wiring/audit.ts'
import { chargeOf, holdOf, withAccount } from './contract.ts'
import { openStore } from './lowdb/open-store.ts'
import { readSegmentBytes, segmentFile, segmentsIn } from './lowdb/segments.ts'
import { copyFolder } from './copied-folder.ts'

type Entry = Record<string, unknown>
type Edit = (lines: Entry[]) => void

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-corrections-'))
const honest = path.join(root, 'honest')
const DAY_MS = 24 * 3_600_000

const clock = { now: 1_000 }
const open = () =>
  openStore({
    ...{ dir: honest, purpose: 'server', now: () => clock.now, segmentBytesMax: 3_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

/** Every kind of correction, over restarts, segments and snapshots, and a key that is used again after its day. */
beforeAll(async () => {
  let count = 0
  for (const round of ['one', 'two', 'three']) {
    const store = await open()
    const book = (correction: Correction, idempotencyKey: string) =>
      store.registry.book(correction, {
        ...{ id: `act-${++count}`, by: 'cli', reason: 'why not', idempotencyKey },
      })
    if (round === 'one') {
      await withAccount(store, 'acme', 1_000n)
      await withAccount(store, 'zeta', 10n)
    }
    await store.ledger.hold(holdOf(`h-${round}`, 200n))
    await store.ledger.settle(chargeOf(`h-${round}`, 200n))
    await book({ kind: 'credit', account: 'acme', amount: micro(300n) }, 'daily')
    await book({ kind: 'debit', account: 'acme', amount: micro(7n) }, `debit ${round}`)
    await book({ kind: 'adjust', account: 'acme', amount: micro(-3n) }, `adjust ${round}`)
    const transfer = { kind: 'transfer', from: 'acme', to: 'zeta', amount: micro(5n) } as const
    await book(transfer, `transfer ${round}`)
    for (const part of ['first', 'second'])
      await book(
        { kind: 'refund', request: `h-${round}`, amount: micro(90n) },
        `refund ${round} ${part}`,
      )
    if (round === 'three') await store.registry.revokeKey('key_zeta')
    await store.close()
    clock.now += DAY_MS
  }
})
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

/** Each segment's text, packed or not. */
function textsIn(dir: string): string[] {
  const journal = path.join(dir, 'journal')
  const files = segmentsIn(journal).map((segment) => path.join(journal, segmentFile(segment)))
  return files.map((file) => readSegmentBytes(file).toString())
}

/** The same history with a lie in it, and sums that are right: only the rules can find it out. */
function forged(name: string, edit: Edit): string {
  const dir = path.join(root, name)
  copyFolder(honest, dir)
  const lines = textsIn(dir).flatMap((text) => text.trimEnd().split('\n'))
  const entries = lines.map((line) => JSON.parse(line) as Entry)
  edit(entries)
  fs.rmSync(path.join(dir, 'journal'), { recursive: true })
  for (const name of ['gateway.json', 'gateway.prev.json'])
    fs.rmSync(path.join(dir, name), { force: true })
  let [crc, chain, text] = [0, '0'.repeat(64), '']
  for (const [
    index,
    { seq: _seq, crc: _crc, chain: _chain, batch: _batch, ...facts },
  ] of entries.entries()) {
    const after = facts['kind'] === 'open' ? { after: chain } : {}
    const body = JSON.stringify({ seq: index + 1, ...facts, ...after }).slice(0, -1)
    chain = createHash('sha256').update(chain).update(body).digest('hex')
    crc = crc32(`${body},"chain":"${chain}"`, crc)
    text += `${body},"chain":"${chain}","crc":"${crc.toString(16).padStart(8, '0')}"}\n`
  }
  fs.mkdirSync(path.join(dir, 'journal'), { mode: 0o700 })
  fs.writeFileSync(path.join(dir, 'journal', segmentFile(1)), text, { mode: 0o600 })
  return dir
}

const rulesIn = (dir: string) => [
  ...new Set(auditFolder({ db: dir }).findings.map(({ rule }) => rule)),
]

function one(lines: Entry[], kind: string, nth = 0): Entry {
  const found = lines.filter((line) => line['kind'] === kind)[nth]
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}
const legsOf = (line: Entry) => line['legs'] as Entry[]
const callOf = (line: Entry) => line['idempotency'] as Entry

const LIES: [rule: string, lie: string, edit: Edit][] = [
  ['A4', 'a debit that takes nothing', (all) => (one(all, 'debit')['amount'] = '6')],
  ['A4', 'an adjustment of the other sign', (all) => (one(all, 'adjust')['amount'] = '3')],
  [
    'A4',
    'a leg that leaves too much',
    (all) => Object.assign(legsOf(one(all, 'transfer'))[0] ?? {}, { balance: '999' }),
  ],
  ['A6', 'a debit of what is held', (all) => Object.assign(one(all, 'debit'), { held: '99999' })],
  ['A9', 'a refund that counts twice', (all) => all.push(one(all, 'refund', 5))],
  [
    'A10',
    'one key for two calls',
    (all) => Object.assign(callOf(one(all, 'debit')), { key: 'daily' }),
  ],
  [
    'A10',
    'one call made twice',
    (all) => Object.assign(callOf(one(all, 'refund', 1)), callOf(one(all, 'refund'))),
  ],
  [
    'A11',
    'a transfer that makes money',
    (all) => Object.assign(legsOf(one(all, 'transfer'))[1] ?? {}, { amount: '6' }),
  ],
  ['A11', 'a transfer with one leg', (all) => legsOf(one(all, 'transfer')).pop()],
  ['A11', 'a refund above what was paid', (all) => (one(all, 'refund', 1)['paid'] = '179')],
  [
    'A11',
    'refunds that agree on a wrong charge',
    (all) =>
      all.forEach((line) => {
        if ('paid' in line) line['paid'] = '201'
      }),
  ],
  [
    'A11',
    'a refund of a request that nobody made',
    (all) => (one(all, 'refund')['request'] = 'h-none'),
  ],
  [
    'A11',
    'a refund before its charge',
    (all) => {
      const at = all.indexOf(one(all, 'settle'))
      const [settle] = all.splice(at, 1)
      all.splice(all.indexOf(one(all, 'refund')) + 1, 0, settle ?? {})
    },
  ],
  ['A12', 'a transfer of less than nothing', (all) => (one(all, 'transfer')['amount'] = '-5')],
  ['A12', 'an adjustment with a fraction', (all) => (one(all, 'adjust')['amount'] = '-3.0')],
  [
    'A13',
    'a hold by a key that was revoked',
    (all) => {
      const hold = one(all, 'hold', 2)
      const [revoked = {}] = all.splice(all.indexOf(one(all, 'key-revoked')), 1)
      all.splice(all.indexOf(hold), 0, revoked)
      hold['key'] = 'key_zeta'
    },
  ],
]

test('corrections are found true, over restarts, segments and snapshots', () => {
  expect(textsIn(honest).length).toBeGreaterThan(1)
  expect(fs.readFileSync(path.join(honest, 'gateway.json'), 'utf8')).toContain('"refunds"')
  expect(auditFolder({ db: honest })).toMatchObject({ findings: [], notes: [] })
  expect(rulesIn(forged('unedited', () => undefined))).toEqual([])
})

describe('a forger who knows the sums and the chain is found out by the rules', () => {
  test.each(LIES)('%s: %s', (rule, lie, edit) => {
    expect(rulesIn(forged(lie, edit))).toContain(rule)
  })
})

test('a snapshot that forgot a refund, or a call that may be repeated, is not the journal’s', () => {
  for (const list of ['refunds', 'repeats']) {
    const dir = path.join(root, `forgets ${list}`)
    copyFolder(honest, dir)
    const file = path.join(dir, 'gateway.json')
    const snapshot = JSON.parse(fs.readFileSync(file, 'utf8')) as {
      state: Record<string, unknown[]>
    }
    snapshot.state[list]?.pop()
    const digest = createHash('sha256').update(JSON.stringify(snapshot.state)).digest('hex')
    fs.writeFileSync(file, JSON.stringify({ ...snapshot, digest }))
    expect(rulesIn(dir)).toEqual(['A15'])
  }
})
