import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { UsageQuery } from '../../../domain/usage-query.ts'
import { chargeOf, holdOf, withAccount } from '../../contract.ts'
import { openStore, type Store, type StoreOptions } from '../open-store.ts'
import { UsageThread } from './usage-thread.ts'

const QUERY: UsageQuery = {
  ...{ timeZone: 'UTC', from: 0, to: 9e9, groupBy: [], only: {}, after: undefined, rowsMax: 10 },
}

let dir: string
let store: Store
let thread: UsageThread
const troubles: unknown[] = []
beforeEach(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-thread-'))
  thread = new UsageThread({ dir, end: () => store.durableEnd(), onTrouble })
  store = await open()
  await withAccount(store, 'acme', 1_000_000n)
})
const onTrouble = (message: string, facts: object) => troubles.push([message, facts])
const open = (more: Partial<StoreOptions> = {}): Promise<Store> =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 20_000, onTrouble },
    ...{ onFatal: () => undefined, ...more },
  })
afterEach(async () => {
  await thread.stop()
  await store.close()
  fs.rmSync(dir, { recursive: true })
  expect(troubles).toEqual([])
})

async function spend(requests: number): Promise<void> {
  for (let n = 0; n < requests; n++) {
    await store.ledger.hold(holdOf(`req_${n}`, 10n))
    await store.ledger.settle(chargeOf(`req_${n}`, 7n))
  }
}
const made = (): string[] =>
  fs.existsSync(path.join(dir, 'usage'))
    ? fs.readdirSync(path.join(dir, 'usage')).filter((name) => name.endsWith('.usage'))
    : []

test('what is settled is in the next answer, over sealed segments, which are summed up as they are sealed', async () => {
  for (let round = 1; round <= 4; round++) {
    await spend(30)
    const sealed = store.durableEnd().segment - 1
    await vi.waitFor(
      () => {
        expect(made().length).toBe(sealed)
      },
      { timeout: 60_000 },
    )
    const { total } = await thread.sum(QUERY)
    expect(total).toMatchObject({ requests: round * 30, charged: BigInt(round * 30 * 7) })
  }
  expect(made().length).toBeGreaterThan(3)
  expect((await thread.request('req_3'))?.end?.entry).toMatchObject({ amount: '7' })
})

test('who asks while much of the past is being read again is told to come back, and then gets it', async () => {
  await store.close()
  const makeSnapshot = () => Promise.resolve({ kind: 'made', covered: 0 } as const)
  store = await open({ makeSnapshot })
  await spend(150)
  fs.rmSync(path.join(dir, 'usage'), { recursive: true, force: true })
  await expect(thread.sum(QUERY)).rejects.toMatchObject({ code: 'overloaded' })
  await vi.waitFor(async () => {
    expect((await thread.sum(QUERY)).total.requests).toBe(150)
  }, 30_000)
})

test('a command waits until all of the past is read again, and hears how far it is', async () => {
  await store.close()
  const makeSnapshot = () => Promise.resolve({ kind: 'made', covered: 0 } as const)
  const shares: number[] = []
  store = await open({ makeSnapshot, onSumming: (share) => shares.push(share) })
  await spend(150)
  fs.rmSync(path.join(dir, 'usage'), { recursive: true, force: true })
  const [one, { total }] = await Promise.all([store.usage.request('req_3'), store.usage.sum(QUERY)])
  expect(one?.end?.entry).toMatchObject({ amount: '7' })
  expect(total.requests).toBe(150)
  expect(shares.length).toBeGreaterThan(4)
  expect(shares).toEqual(shares.map((_, at) => (at + 1) / shares.length))
})

test('a question that stands when the gateway stops is not left waiting', async () => {
  await spend(1)
  const asked = thread.sum(QUERY)
  await Promise.all([expect(asked).rejects.toThrow('ended'), thread.stop()])
})

test('a hundred questions may wait, and the next is refused', async () => {
  await spend(1)
  const asked = Array.from({ length: 120 }, () => thread.sum(QUERY))
  const answers = await Promise.allSettled(asked)
  expect(answers.filter(({ status }) => status === 'fulfilled').length).toBe(100)
  expect(answers.at(-1)).toMatchObject({ reason: { code: 'overloaded' } })
})
