import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RefundEntry, SettleEntry } from '../../../domain/entry.ts'
import { micro, type MicroCredits } from '../../../domain/money.ts'
import { QUARTER_MS } from '../../../domain/time-zone.ts'
import type { UsageQuery, UsageSums } from '../../../domain/usage-query.ts'
import { chargeOf, grant, holdOf, PRICE, withAccount } from '../../contract.ts'
import { openStore, type Store } from '../open-store.ts'
import { dbPaths, segmentFile, segmentsIn } from '../segments.ts'
import { UsageReader } from './reader.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-chains-'))
const paths = dbPaths(path.join(root, 'db'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const ACCOUNTS = ['kiosk', 'shop', 'store', 'acme'] as const
const GRANTED = 100_000n
const DAY_MS = 86_400_000
const requestId = (n: number): string => `req_a${1_000_000_000 + n}`
let now = Date.parse('2026-10-01T12:00:00Z')
const balances = new Map<string, bigint>()

/**
 * The kiosk buys of the shop, which buys of the store, which buys of acme. Refunds come on the next day, and in parts. The
 * first segments are sealed, the last one is open.
 */
beforeAll(async () => {
  const open = (purpose: 'server' | 'command') =>
    openStore({
      ...{ dir: paths.dir, purpose, now: () => now, segmentBytesMax: 8_000 },
      onFatal: () => undefined,
      onTrouble: () => undefined,
    })
  const store = await open('server')
  const { ledger, registry } = store
  await withAccount(store, 'acme', GRANTED)
  const sub = { tier: 'free', subAccountsMax: 0, by: 'test' }
  await registry.openSubAccount({ id: 'store', parent: 'acme', markup: '0.1', ...sub })
  await registry.openSubAccount({ id: 'shop', parent: 'store', markup: '0.5', ...sub })
  await registry.openSubAccount({ id: 'kiosk', parent: 'shop', markup: '0.07', ...sub })
  for (const id of ['store', 'shop', 'kiosk'])
    await grant(registry, { id: `g-${id}`, account: id, amount: GRANTED })
  for (let n = 0; n < 40; n++) {
    const account = ACCOUNTS[n % 4] ?? ''
    const resale = ledger.resale(account)
    const price = resale?.ownPrice(PRICE) ?? PRICE
    await ledger.hold({ ...holdOf(requestId(n), 400n, account), resale, price })
    const model = n % 8 < 4 ? 'gpt' : 'other'
    await ledger.settle({ ...chargeOf(requestId(n), BigInt(n), { model }), price })
    if (n === 2) await refund(store, n, { part: 'at once', amount: micro(1n) })
  }
  await store.close()
  now += DAY_MS
  total('acme', 'own') // adds up the past: who refunds would be told to come back
  const later = await open('command')
  for (const n of [4, 12, 13, 14, 15, 33, 36, 37]) {
    for (const amount of [micro(1n), micro(2n), undefined])
      await refund(later, n, { part: String(amount), amount })
  }
  for (const id of ACCOUNTS) balances.set(id, later.registry.account(id)?.credit.balance ?? 0n)
  await later.close()
})

type Part = Readonly<{ part: string; amount: MicroCredits | undefined }>

async function refund({ registry }: Store, n: number, { part, amount }: Part): Promise<void> {
  const act = { id: `refund-${n}-${part}`, by: 'test', reason: 'as a courtesy' }
  const wish = { kind: 'refund', request: requestId(n), amount } as const
  expect(await registry.book(wish, act)).toMatchObject({ kind: 'booked' })
}

const entries = <E>(kind: string): E[] =>
  segmentsIn(paths.journal)
    .flatMap((one) =>
      fs.readFileSync(path.join(paths.journal, segmentFile(one)), 'utf8').split('\n'),
    )
    .filter((line) => line.includes(`"kind":"${kind}"`))
    .map((line) => JSON.parse(line) as E)

const settles = (): SettleEntry[] => entries('settle')

function total(account: string, of: NonNullable<UsageQuery['of']>): UsageSums {
  const reader = new UsageReader(paths)
  const query = { timeZone: 'UTC', from: 0, to: 9e9, groupBy: [], after: undefined, rowsMax: 10 }
  const end = reader.end() ?? { segment: 0, offset: 0 }
  return reader.sum({ ...query, only: { account }, ...(of !== 'own' && { of }) }, end).total
}

/** By the journal alone: how many requests, and what was paid for them. */
function expected(account: string, of: 'own' | 'below'): { requests: number; charged: bigint } {
  const paid = settles().flatMap((entry) => {
    const legs = of === 'own' ? [entry] : (entry.levels ?? [])
    return legs.filter((leg) => leg.account === account).map(({ amount }) => BigInt(amount))
  })
  return { requests: paid.length, charged: paid.reduce((sum, one) => sum + one, 0n) }
}

test.each(ACCOUNTS)(
  'what %s paid for accounts below it is summed apart from its own requests',
  (account) => {
    expect(segmentsIn(paths.journal).length).toBeGreaterThan(2)
    const [own, below] = [expected(account, 'own'), expected(account, 'below')]
    expect(own.requests).toBe(10)
    expect(total(account, 'own')).toMatchObject(own)
    expect(total(account, 'below')).toMatchObject(below)
    expect(total(account, 'both')).toMatchObject({
      ...{ requests: own.requests + below.requests, charged: own.charged + below.charged },
    })
    expect(below.requests).toBe({ acme: 30, store: 20, shop: 10, kiosk: 0 }[account])
  },
)

/** By the journal alone: what each account right below another one paid, and what that one paid for the same requests. */
function salesIn(account: string): Record<string, { charged: bigint; sold: bigint }> {
  const sales: Record<string, { charged: bigint; sold: bigint }> = {}
  for (const entry of settles()) {
    const legs = [entry, ...(entry.levels ?? [])]
    const at = legs.findIndex((leg) => leg.account === account)
    const below = legs[at - 1]
    if (at < 1 || below === undefined) continue
    const sum = (sales[below.account] ??= { charged: 0n, sold: 0n })
    sum.charged += BigInt(legs[at]?.amount ?? 0)
    sum.sold += BigInt(below.amount)
  }
  return sales
}

test.each(['acme', 'store', 'shop'])(
  'what %s sold to each account right below it is summed exactly',
  (account) => {
    const reader = new UsageReader(paths)
    const range = { timeZone: 'UTC', from: 0, to: 9e9, after: undefined, rowsMax: 10 }
    const query = { ...range, groupBy: ['sub_account'], only: { account }, of: 'below' } as const
    const { rows, total } = reader.sum(query, reader.end() ?? { segment: 0, offset: 0 })
    const sold = rows.map(({ by, sums }) => [by[0], { charged: sums.charged, sold: sums.sold }])
    expect(Object.fromEntries(sold)).toEqual(salesIn(account))
    expect(total.sold).toBe(rows.reduce((sum, { sums }) => sum + sums.sold, 0n))
  },
)

test.each(ACCOUNTS)('what %s paid and was given back is what its credit changed by', (account) => {
  const { charged, refunded } = total(account, 'both')
  expect(refunded).toBeGreaterThan(10n)
  expect(balances.get(account)).toBe(GRANTED - charged + refunded)
})

test('what an account gave back to the one below it is what that one got, at all four levels', () => {
  const [kiosk, shop, store, acme] = ACCOUNTS.map((one) => total(one, 'both'))
  const [, ofShop, ofStore, ofAcme] = ACCOUNTS.map((one) => total(one, 'below'))
  expect([ofShop, ofStore, ofAcme].map((one) => one?.returned)).toEqual(
    [kiosk, shop, store].map((one) => one?.refunded),
  )
  expect([ofShop, ofStore, ofAcme].map((one) => one?.sold)).toEqual(
    [kiosk, shop, store].map((one) => one?.charged),
  )
  expect(acme?.refunded).toBeLessThan(store?.refunded ?? 0n)
  expect(total('kiosk', 'below')).toMatchObject({ refunded: 0n, returned: 0n })
})

test('a refund counts when it is given, and for the key, model and outcome of its request', () => {
  const reader = new UsageReader(paths)
  const groupBy = ['day', 'key', 'model', 'outcome'] as const
  const query = { timeZone: 'UTC', from: 0, to: 9e9, groupBy, after: undefined, rowsMax: 10 }
  const end = reader.end() ?? { segment: 0, offset: 0 }
  const { rows } = reader.sum({ ...query, only: { account: 'shop' } }, end)
  const atOnce = reader.sum({ ...query, only: { account: 'store' } }, end).rows[0]
  expect(atOnce).toMatchObject({
    by: ['2026-10-01', 'key_acme', 'gpt', 'finished'],
    sums: { refunded: 1n },
  })
  const refundOf = (n: number) =>
    entries<RefundEntry>('refund')
      .filter(({ request }) => request === requestId(n))
      .reduce((sum, { amount }) => sum + BigInt(amount), 0n)
  expect(rows.filter(({ by }) => by[0] === '2026-10-02')).toMatchObject([
    {
      by: ['2026-10-02', 'key_acme', 'gpt', 'finished'],
      sums: { requests: 0, charged: 0n, refunded: refundOf(33) },
    },
    {
      by: ['2026-10-02', 'key_acme', 'other', 'finished'],
      sums: { requests: 0, charged: 0n, refunded: refundOf(13) + refundOf(37) },
    },
  ])
  const dayBefore = rows.filter(({ by }) => by[0] === '2026-10-01')
  expect(dayBefore.map(({ sums }) => sums.refunded)).toEqual([0n, 0n])
})

test('what was given back is known of the time of its charge, too, at all four levels', () => {
  const reader = new UsageReader(paths)
  const end = reader.end() ?? { segment: 0, offset: 0 }
  const of = 'both'
  const onDay = (account: string, nowMs: number) => {
    const [from, to] = [nowMs - DAY_MS / 2, nowMs + DAY_MS / 2].map((ms) => ms / QUARTER_MS)
    const day = { from: from ?? 0, to: to ?? 0, timeZone: 'UTC', groupBy: [], after: undefined }
    return reader.sum({ ...day, rowsMax: 1, only: { account }, of }, end).total
  }
  for (const account of ACCOUNTS) {
    const given = total(account, of).refunded
    const atOnce = onDay(account, now - DAY_MS).refunded
    expect(onDay(account, now - DAY_MS)).toMatchObject({ forgiven: given })
    expect(onDay(account, now)).toMatchObject({ forgiven: 0n, refunded: given - atOnce })
  }
})

test.each(['2', '3', '4'] as const)(
  'sums that did not know what was sold, or given back, are made again (version %s)',
  (version) => {
    const before = total('store', 'below')
    for (const name of fs.readdirSync(paths.usage).slice(1)) {
      const file = path.join(paths.usage, name)
      fs.writeFileSync(file, asOlder(fs.readFileSync(file), version))
    }
    expect(total('store', 'below')).toEqual(before)
  },
)

test('sums of an older version are made again while their segment is there, and do for one that was moved away', () => {
  const before = total('acme', 'both')
  const files = fs.readdirSync(paths.usage).map((name) => path.join(paths.usage, name))
  const [first = ''] = files
  const ours = fs.readFileSync(first)
  fs.writeFileSync(first, asOlder(ours))
  expect(total('acme', 'both')).toEqual(before)
  expect(fs.readFileSync(first).equals(ours)).toBe(true)
  const { requests } = total('kiosk', 'own')
  fs.writeFileSync(first, asOlder(ours))
  fs.rmSync(path.join(paths.journal, segmentFile(1)))
  expect(total('kiosk', 'own').requests).toBe(requests)
})

/** The same as it was written before accounts had others below them, before it was noted what these paid, or given back. */
function asOlder(bytes: Buffer, version: '1' | '2' | '3' | '4' = '1'): Buffer {
  const headerEnd = HEADER_AT + Number.parseInt(bytes.toString('latin1', 9, 17), 16)
  const header = JSON.parse(bytes.toString('utf8', HEADER_AT, headerEnd)) as {
    format: string
    names: Record<string, unknown>
    columns: Record<string, unknown>
  }
  header.format = header.format.replace('/5-', `/${version}-`)
  const missing = { 1: ['sold', ...GIVEN_BACK], 2: ['sold', ...GIVEN_BACK], 3: GIVEN_BACK, 4: [] }
  for (const name of ['forgiven', ...missing[version]])
    for (const half of ['High', 'Low']) Reflect.deleteProperty(header.columns, name + half)
  if (version === '1') {
    delete header.names['below']
    delete header.columns['below']
  }
  const text = Buffer.from(JSON.stringify(header))
  const body = [Buffer.from(`${hex(text.byteLength)}\n`), text, bytes.subarray(headerEnd)]
  return Buffer.concat([Buffer.from(`${hex(crc32(Buffer.concat(body)))} `), ...body])
}

const GIVEN_BACK = ['refunded', 'returned']
const HEADER_AT = 18
const hex = (value: number): string => value.toString(16).padStart(8, '0')
