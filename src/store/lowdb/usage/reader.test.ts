import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { micro } from '../../../domain/money.ts'
import { QUARTER_MS } from '../../../domain/time-zone.ts'
import { receiptOf } from '../../../domain/receipt.ts'
import type { Dimension, UsageQuery } from '../../../domain/usage-query.ts'
import { textUsage } from '../../../domain/usage.ts'
import { chargeOf, holdOf, withAccount } from '../../contract.ts'
import { openStore, type Store } from '../open-store.ts'
import { dbPaths, segmentFile, segmentsIn } from '../segments.ts'
import { UsageReader } from './reader.ts'
import { copyFolder } from '../../copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-usage-'))
const made = dbPaths(path.join(root, 'made'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const SETTLE = JSON.stringify({
  ...{ seq: 9_998, kind: 'settle', at: 1, account: 'acme', ref: 'req_x', amount: '1', cost: '1' },
  ...{ key: 'key_acme', model: 'gpt', outcome: 'finished', price: 'v-one', usage: { input: 1 } },
})

/** A quarter of an hour passes with each request, and the books know amounts beyond what a double holds. */
let now = Date.parse('2026-10-24T00:00:00Z')
const HUGE = 8_000_000_000_000_000_001n
const id = (run: string, n: number): string => `req_${run}${1_000_000_000 + n}`

async function spend({ ledger }: Store, run: string): Promise<void> {
  for (let n = 0; n < 60; n++) {
    now += QUARTER_MS
    const account = n % 3 === 0 ? 'acme' : 'other'
    await ledger.hold(holdOf(id(run, n), 30n, account))
    if (n === 7) continue // still open
    if (n === 8) await ledger.release(id(run, n), { outcome: 'failed', attempts: [] })
    else await ledger.settle(chargeOf(id(run, n), BigInt(n), how(n)))
  }
}

const EDGES = [255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 50]
function how(n: number): Parameters<typeof chargeOf>[2] {
  if (n === 5) return { payer: 'operator', outcome: 'cut' }
  // Numbers at the edges of the widths that columns have.
  if (n >= 40 && n < 48) return { usage: textUsage(EDGES[n - 40] ?? 0, 1) }
  if (n === 6) return { outcome: 'aborted', isEstimated: true, model: 'other' }
  return { model: n % 2 === 0 ? 'gpt' : 'other' }
}

beforeAll(async () => {
  const open = () =>
    openStore({
      ...{ dir: made.dir, purpose: 'server', now: () => now, segmentBytesMax: 8_000 },
      onFatal: () => undefined,
      onTrouble: (message, { error }) => {
        throw new Error(message, { cause: error })
      },
      // Segments stay plain and without their sums: both are made here.
      makeSnapshot: () => Promise.resolve({ kind: 'made', covered: 0 }),
    })
  const store = await open()
  await withAccount(store, 'acme', HUGE)
  await withAccount(store, 'other', 1_000_000n)
  await spend(store, 'a')
  await store.ledger.hold(holdOf(id('a', 999), 40n))
  await store.ledger.settle(chargeOf(id('a', 999), HUGE - 5_000n, { usage: textUsage(1, 1) }))
  store.ledger.progress(id('a', 7), micro(17n))
  await store.ledger.hold(holdOf(id('a', 61), 1n, 'other')) // takes the note along
  const isNoted = () => {
    expect(lines().some(({ kind }) => kind === 'progress')).toBe(true)
  }
  await vi.waitFor(isNoted, 30_000)
  await store.close()
  const again = await open()
  await again.ledger.endOrphan(id('a', 7), micro(17n))
  await again.ledger.endOrphan(id('a', 61), undefined)
  await spend(again, 'b')
  await again.close()
})

/** A folder of its own to break. */
let paths = made
let copies = 0
beforeEach(() => {
  paths = dbPaths(path.join(root, `copy${copies++}`))
  copyFolder(made.dir, paths.dir)
})

type Settle = Record<'account' | 'model' | 'outcome' | 'ref' | 'cost' | 'amount', string> & {
  at: number
  usage: { input?: number }
}
const lines = (): (Settle & { kind: string })[] =>
  segmentsIn(made.journal)
    .flatMap((one) =>
      fs.readFileSync(path.join(made.journal, segmentFile(one)), 'utf8').split('\n'),
    )
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Settle & { kind: string })
const settles = (): Settle[] => lines().filter(({ kind }) => kind === 'settle')
const total = (all: readonly Settle[], field: 'cost' | 'amount'): bigint =>
  all.reduce((sum, one) => sum + BigInt(one[field]), 0n)

const query = (groupBy: Dimension[] = [], more: Partial<UsageQuery> = {}): UsageQuery => ({
  ...{ timeZone: 'UTC', from: 0, to: 9e9, groupBy, only: {}, after: undefined, rowsMax: 1000 },
  ...more,
})
function sumsOf(asked: UsageQuery, reader = new UsageReader(paths)) {
  const end = reader.end()
  if (end === undefined) throw new Error('no journal')
  return reader.sum(asked, end)
}
const whole = () => {
  const all = settles()
  return { requests: all.length, cost: total(all, 'cost'), charged: total(all, 'amount') }
}
const sidecars = (): string[] =>
  fs.readdirSync(paths.usage).map((name) => path.join(paths.usage, name))

describe('the sums of a journal', () => {
  test('are those of its settles, to the unit, beyond what a double holds', () => {
    expect(segmentsIn(made.journal).length).toBeGreaterThan(5)
    const { total: all } = sumsOf(query())
    expect(all).toMatchObject(whole())
    expect(all.usage.input).toBe(settles().reduce((sum, one) => sum + (one.usage.input ?? 0), 0))
    expect(whole().charged).toBeGreaterThan(HUGE - 5_000n)
  })

  test('split by anything, add up to the same', () => {
    for (const groupBy of [
      ['account'],
      ['day', 'model'],
      ['hour'],
      ['outcome', 'account', 'key'],
    ]) {
      const { rows, total: all } = sumsOf(query(groupBy as Dimension[]))
      const charged = rows.reduce((sum, { sums }) => sum + sums.charged, 0n)
      expect([charged, all.charged]).toEqual([whole().charged, whole().charged])
    }
    const byModel = sumsOf(query(['model'])).rows.map(({ by, sums }) => [by[0], sums.requests])
    const count = (model: string) => settles().filter((one) => one.model === model).length
    expect(byModel).toEqual([
      ['gpt', count('gpt')],
      ['other', count('other')],
    ])
  })

  test('are those of one account and of some hours, where that is asked', () => {
    const [from, to] = ['2026-10-24T05:30:00Z', '2026-10-24T11:15:00Z'].map(Date.parse)
    const wanted = settles().filter(
      ({ account, at }) => account === 'other' && at >= Number(from) && at < Number(to),
    )
    const range = { from: Number(from) / QUARTER_MS, to: Number(to) / QUARTER_MS }
    const found = sumsOf(query([], { ...range, only: { account: 'other' } })).total
    expect(wanted.length).toBeGreaterThan(10)
    expect(found).toMatchObject({ requests: wanted.length, cost: total(wanted, 'cost') })
    expect(sumsOf(query([], { only: { account: 'nobody' } })).total.requests).toBe(0)
    expect(sumsOf(query([], { only: { outcome: 'cut' } })).total).toMatchObject({
      ...{ requests: 2, cost: 10n, charged: 0n },
    })
  })

  test('are those of the model that was asked for, whichever answered', () => {
    const requestsOf = (only: UsageQuery['only']) => sumsOf(query([], { only })).total.requests
    const all = settles().length // all of them asked for this one
    expect([requestsOf({ asked: 'gpt' }), requestsOf({ asked: 'other' })]).toEqual([all, 0])
    expect(requestsOf({ model: 'other' })).toBeGreaterThan(0)
    expect(requestsOf({ asked: 'gpt', model: 'other' })).toBe(requestsOf({ model: 'other' }))
  })

  test('come by the days of a time zone, one of which has 25 hours', () => {
    const day = ({ at }: Settle) =>
      new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin' }).format(at)
    const byDay = new Map<string, number>()
    for (const one of settles()) byDay.set(day(one), (byDay.get(day(one)) ?? 0) + 1)
    const { rows } = sumsOf(query(['day'], { timeZone: 'Europe/Berlin' }))
    expect(rows.map(({ by, sums }) => [by[0], sums.requests])).toEqual([...byDay].sort())
    const hours = sumsOf(query(['hour'], { timeZone: 'Europe/Berlin' })).rows.map(({ by }) => by[0])
    const twice = hours.filter((hour) => hour?.startsWith('2026-10-25T02:00'))
    expect(twice).toEqual(['2026-10-25T02:00+02:00', '2026-10-25T02:00+01:00'])
  })

  test('come in pages', () => {
    const all = sumsOf(query(['hour', 'account'])).rows
    const found = []
    let after: readonly string[] | undefined
    for (;;) {
      const page = sumsOf(query(['hour', 'account'], { after, rowsMax: 7 }))
      found.push(...page.rows)
      after = page.rows.at(-1)?.by
      if (!page.hasMore) break
    }
    expect(found).toEqual(all)
  })

  test('go on from where the open segment was read to, and see nothing beyond the durable end', () => {
    const segment = segmentsIn(paths.journal).at(-1) ?? 0
    const file = path.join(paths.journal, segmentFile(segment))
    const text = fs.readFileSync(file, 'utf8')
    const reader = new UsageReader(paths)
    const before = sumsOf(query(), reader).total.requests - text.split('"kind":"settle"').length + 1
    for (let offset = 0; offset <= text.length; offset += 97) {
      const durable = text.slice(0, text.lastIndexOf('\n', offset - 1) + 1)
      const seen = reader.sum(query(), { segment, offset: durable.length }).total.requests
      if (offset > 0) expect(seen).toBeGreaterThanOrEqual(before)
    }
    const fresh = new UsageReader(paths)
    const [first = ''] = text.split('\n')
    expect(fresh.sum(query(), { segment, offset: first.length + 1 }).total.requests).toBe(before)
    expect(fresh.sum(query(), { segment, offset: text.length }).total).toMatchObject(whole())
  })

  test.each([
    ['zeros', Buffer.alloc(5_000)],
    ['a hole of zeros, and a record behind it', Buffer.from(`${'\0'.repeat(512)}\n${SETTLE}\n`)],
    ['half a record', Buffer.from('{"seq":9999,"kind":"settle","at":1,"acc')],
    ['half a record and zeros', Buffer.concat([Buffer.from('{"seq":99'), Buffer.alloc(3_000_000)])],
  ])('do not mind %s behind the last record', (_, tail) => {
    const segment = segmentsIn(paths.journal).at(-1) ?? 0
    fs.appendFileSync(path.join(paths.journal, segmentFile(segment)), tail)
    expect(sumsOf(query()).total).toMatchObject(whole())
  })

  test('are not counted twice after a line that could not be read', () => {
    const segment = segmentsIn(paths.journal).at(-1) ?? 0
    const file = path.join(paths.journal, segmentFile(segment))
    const { size } = fs.statSync(file)
    const reader = new UsageReader(paths)
    reader.sum(query(), { segment, offset: 500 })
    fs.appendFileSync(file, '{"seq":9998,"kind":"settle","at":\n')
    expect(() => sumsOf(query(), reader)).toThrow(SyntaxError)
    fs.truncateSync(file, size)
    expect(sumsOf(query(), reader).total).toMatchObject(whole())
  })

  test('read packed segments like plain ones', () => {
    for (const segment of segmentsIn(paths.journal).slice(0, -1)) {
      const file = path.join(paths.journal, segmentFile(segment))
      fs.writeFileSync(`${file}.gz`, gzipSync(fs.readFileSync(file)))
      fs.rmSync(file)
    }
    const reader = new UsageReader(paths)
    expect(sumsOf(query(), reader).total).toMatchObject(whole())
    const end = reader.end() ?? { segment: 0, offset: 0 }
    expect(reader.request(id('a', 2), end)?.end?.entry).toMatchObject({ kind: 'settle' })
    expect(new UsageReader(paths).missing(end)).toEqual([]) // what is beside them holds
  })
})

describe('what is kept beside a segment', () => {
  test('saves reading it again, and can be deleted at any time', () => {
    const reader = new UsageReader(paths)
    const end = reader.end() ?? { segment: 0, offset: 0 }
    expect(reader.missing(end)).toEqual(segmentsIn(paths.journal).slice(0, -1))
    expect(reader.sum(query(), end).total).toMatchObject(whole())
    expect(reader.missing(end)).toEqual([])
    for (const file of sidecars()) {
      expect(fs.statSync(file).mode & 0o777).toBe(0o600)
      fs.rmSync(file)
    }
    expect(reader.sum(query(), end).total).toMatchObject(whole())
    expect(reader.missing(end)).toEqual([])
  })

  test('is made again when it was cut or changed anywhere, or is of another format', () => {
    sumsOf(query())
    const [file = ''] = sidecars()
    const bytes = fs.readFileSync(file)
    for (let at = 0; at < bytes.length; at += at < 40 ? 1 : 211) {
      for (const broken of [bytes.subarray(0, at), flipped(bytes, at)]) {
        fs.writeFileSync(file, broken)
        expect(sumsOf(query()).total).toMatchObject(whole())
        expect(fs.readFileSync(file).equals(bytes)).toBe(true)
      }
    }
  })

  test('is made again when it is of another journal', () => {
    sumsOf(query())
    const [one = '', two = ''] = sidecars()
    fs.copyFileSync(one, two)
    expect(sumsOf(query()).total).toMatchObject(whole())
    const file = path.join(paths.journal, segmentFile(2))
    const text = fs.readFileSync(file, 'utf8')
    const other = text.replace(/"run":"./, '"run":"x').replace(/"cost":"1/, '"cost":"2')
    fs.writeFileSync(file, other)
    expect(sumsOf(query()).total.cost).toBeGreaterThan(whole().cost)
  })

  test('stays in memory where the folder cannot be written', () => {
    fs.rmSync(paths.usage, { recursive: true, force: true })
    fs.writeFileSync(paths.usage, 'no folder')
    const reader = new UsageReader({ journal: paths.journal, usage: path.join(paths.usage, 'x') })
    expect(sumsOf(query(), reader).total).toMatchObject(whole())
    expect(reader.missing(reader.end() ?? { segment: 0, offset: 0 })).toEqual([])
  })

  test('answers for segments that were moved away, but for their receipts', () => {
    const reader = new UsageReader(paths)
    const end = reader.end() ?? { segment: 0, offset: 0 }
    expect(reader.sum(query(), end).total).toMatchObject(whole())
    fs.rmSync(path.join(paths.journal, segmentFile(1)))
    expect(new UsageReader(paths).sum(query(), end).total).toMatchObject(whole())
    expect(() => new UsageReader(paths).request(id('a', 0), end)).toThrow('was moved out')
  })

  test('is whole or not there when the process is killed while it writes', async () => {
    const code = `
      import { UsageReader } from ${JSON.stringify(new URL('./reader.ts', import.meta.url).href)}
      const reader = new UsageReader(${JSON.stringify(paths)})
      for (;;) for (const segment of [1, 2, 3]) reader.make(segment)`
    const args = ['--import', 'tsx', '--input-type=module', '-e', code]
    fs.mkdirSync(paths.usage)
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, args, { stdio: 'inherit' })
      const watcher = fs.watch(paths.usage, (_, name) => {
        if (name?.endsWith('.tmp')) child.kill('SIGKILL')
      })
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      watcher.close()
      expect([code, signal]).toEqual([null, 'SIGKILL'])
      expect(sumsOf(query()).total).toMatchObject(whole())
    }
    const old = path.join(paths.usage, '00000001.usage.abc.tmp')
    fs.writeFileSync(old, 'torn')
    fs.utimesSync(old, 1, 1)
    fs.rmSync(path.join(paths.usage, '00000001.usage'))
    sumsOf(query())
    expect(fs.existsSync(old)).toBe(false)
  })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ 1
  return changed
}

describe('the records of a request', () => {
  const recordsOf = (request: string) => {
    const reader = new UsageReader(paths)
    return reader.request(request, reader.end() ?? { segment: 0, offset: 0 })
  }

  test('are found for every request there ever was, whatever its end', () => {
    const holds = lines().filter(({ kind }) => kind === 'hold')
    const reader = new UsageReader(paths)
    const end = reader.end() ?? { segment: 0, offset: 0 }
    for (const { ref } of holds) {
      const mine = lines().filter((one) => one.ref === ref)
      const found = reader.request(ref, end)
      const kinds = [found?.hold, found?.end, ...(found?.overruns ?? [])].map(
        (one) => one?.entry.kind,
      )
      const expected = mine.map(({ kind }) => kind).filter((kind) => kind !== 'progress')
      expect(kinds.filter((kind) => kind !== undefined).sort()).toEqual(expected.sort())
    }
    expect(holds.length).toBe(122)
  })

  test('tell that a charge after a crash goes by the last note of its cost', () => {
    const records = recordsOf(id('a', 7))
    expect(records && receiptOf(records)).toMatchObject({
      ...{ state: 'settled', basis: 'progress', charged: 17n, isRecomputed: true },
    })
    expect(recordsOf(id('a', 61))?.end?.entry).toMatchObject({ kind: 'release' })
    expect(recordsOf(id('b', 7))?.end).toBeUndefined()
    expect(recordsOf(id('a', 5))?.overruns.length).toBe(1)
  })

  test('are none for an id that no credit was held under', () => {
    for (const one of [id('c', 1), id('a', 500), 'grant-acme', '', 'req_a', 'key_acme'])
      expect(recordsOf(one)).toBeUndefined()
  })

  test('come with what was given back later, from any segment', () => {
    const segment = segmentsIn(paths.journal).at(-1) ?? 0
    const refund = { kind: 'refund', at: now, account: 'acme', ref: 'ref_1', request: id('a', 3) }
    const line = JSON.stringify({ seq: 9_999, ...refund, amount: '2' })
    fs.appendFileSync(path.join(paths.journal, segmentFile(segment)), `${line}\n`)
    const records = recordsOf(id('a', 3))
    expect(records?.hold.segment).toBe(1)
    expect(records && receiptOf(records).refunded).toBe(2n)
    expect(recordsOf('ref_1')).toBeUndefined()
  })
})
