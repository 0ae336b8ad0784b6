import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SettleEntry } from '../../../domain/entry.ts'
import type { UsageQuery, UsageSums } from '../../../domain/usage-query.ts'
import { chargeOf, grant, holdOf, PRICE, withAccount } from '../../contract.ts'
import { openStore } from '../open-store.ts'
import { dbPaths, segmentFile, segmentsIn } from '../segments.ts'
import { UsageReader } from './reader.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-chains-'))
const paths = dbPaths(path.join(root, 'db'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

/** The shop buys of the store, which buys of acme. The first segments are sealed, the last one is open. */
beforeAll(async () => {
  const store = await openStore({
    ...{ dir: paths.dir, purpose: 'server', now: Date.now, segmentBytesMax: 8_000 },
    onFatal: () => undefined,
    onTrouble: () => undefined,
  })
  const { ledger, registry } = store
  await withAccount(store, 'acme', 100_000n)
  const sub = { tier: 'free', subAccountsMax: 0, by: 'test' }
  await registry.openSubAccount({ id: 'store', parent: 'acme', markup: '0.1', ...sub })
  await registry.openSubAccount({ id: 'shop', parent: 'store', markup: '0.5', ...sub })
  for (const id of ['store', 'shop'])
    await grant(registry, { id: `g-${id}`, account: id, amount: 100_000n })
  for (let n = 0; n < 40; n++) {
    const account = ['shop', 'store', 'acme'][n % 3] ?? ''
    const resale = ledger.resale(account)
    const price = resale?.ownPrice(PRICE) ?? PRICE
    const id = `req_a${1_000_000_000 + n}`
    await ledger.hold({ ...holdOf(id, 400n, account), resale, price })
    await ledger.settle({ ...chargeOf(id, BigInt(n)), price })
  }
  await store.close()
})

const settles = (): SettleEntry[] =>
  segmentsIn(paths.journal)
    .flatMap((one) =>
      fs.readFileSync(path.join(paths.journal, segmentFile(one)), 'utf8').split('\n'),
    )
    .filter((line) => line.includes('"kind":"settle"'))
    .map((line) => JSON.parse(line) as SettleEntry)

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

test.each(['acme', 'store', 'shop'])(
  'what %s paid for accounts below it is summed apart from its own requests',
  (account) => {
    expect(segmentsIn(paths.journal).length).toBeGreaterThan(2)
    const [own, below] = [expected(account, 'own'), expected(account, 'below')]
    expect(own.requests).toBeGreaterThan(10)
    expect(total(account, 'own')).toMatchObject(own)
    expect(total(account, 'below')).toMatchObject(below)
    expect(total(account, 'both')).toMatchObject({
      ...{ requests: own.requests + below.requests, charged: own.charged + below.charged },
    })
    expect(below.requests).toBe({ acme: 27, store: 14, shop: 0 }[account])
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

test.each(['acme', 'store'])(
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

test('sums of an older version are made again while their segment is there, and do for one that was moved away', () => {
  const before = total('acme', 'both')
  const files = fs.readdirSync(paths.usage).map((name) => path.join(paths.usage, name))
  const [first = ''] = files
  const ours = fs.readFileSync(first)
  fs.writeFileSync(first, asOlder(ours))
  expect(total('acme', 'both')).toEqual(before)
  expect(fs.readFileSync(first).equals(ours)).toBe(true)
  const { requests } = total('shop', 'own')
  fs.writeFileSync(first, asOlder(ours))
  fs.rmSync(path.join(paths.journal, segmentFile(1)))
  expect(total('shop', 'own').requests).toBe(requests)
})

test('sums that did not know what was sold are made again', () => {
  const before = total('store', 'below')
  const file = path.join(paths.usage, fs.readdirSync(paths.usage).at(-1) ?? '')
  fs.writeFileSync(file, asOlder(fs.readFileSync(file), '2'))
  expect(total('store', 'below')).toEqual(before)
})

/** The same as it was written before accounts had others below them, or before it was noted what these paid. */
function asOlder(bytes: Buffer, version: '1' | '2' = '1'): Buffer {
  const headerEnd = HEADER_AT + Number.parseInt(bytes.toString('latin1', 9, 17), 16)
  const header = JSON.parse(bytes.toString('utf8', HEADER_AT, headerEnd)) as {
    format: string
    names: Record<string, unknown>
    columns: Record<string, unknown>
  }
  header.format = header.format.replace('/3-', `/${version}-`)
  delete header.columns['soldHigh']
  delete header.columns['soldLow']
  if (version === '1') {
    delete header.names['below']
    delete header.columns['below']
  }
  const text = Buffer.from(JSON.stringify(header))
  const body = [Buffer.from(`${hex(text.byteLength)}\n`), text, bytes.subarray(headerEnd)]
  return Buffer.concat([Buffer.from(`${hex(crc32(Buffer.concat(body)))} `), ...body])
}

const HEADER_AT = 18
const hex = (value: number): string => value.toString(16).padStart(8, '0')
