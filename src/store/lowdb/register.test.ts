import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { auditFolder } from '../../wiring/audit.ts'
import { holdOf, withAccount } from '../contract.ts'
import { openStore, type Store } from './open-store.ts'

const openAt = (dir: string, segmentBytesMax: number): Promise<Store> =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax },
    onFatal: (error) => {
      throw error
    },
    onTrouble: () => undefined,
  })

let dir: string
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-zone-'))
})
afterEach(() => {
  fs.rmSync(dir, { recursive: true })
})

const PASSWORD = 'scrypt$1$2$3'
const rest = { role: 'user', account: 'acme', password: PASSWORD } as const

async function change({ registry }: Store): Promise<void> {
  await registry.setAccount('acme', { timeZone: 'Europe/Berlin', limits: { tokensPerDay: 5 } })
  await registry.setAccount('acme', { tier: 'premium', note: 'pays late', lowCredit: '7' })
  await registry.changeKey('key_acme', { expiresAt: 5_000, models: ['gpt'], tags: ['bot'] })
  await registry.addKey({ id: 'key_2', hash: 'h2', hint: 'x', account: 'acme', role: 'viewer' })
  await registry.changeKey('key_2', { expiresAt: 9_000, models: ['gpt'] })
  await registry.changeKey('key_2', { expiresAt: 0, models: [], limits: { tokensPerMinute: 1 } })
  await registry.setUser({ name: 'anna', ...rest, password: 'old' })
  await registry.setUser({ name: 'anna', ...rest, by: 'cli' })
  await registry.setUser({ name: 'bob', ...rest })
  await registry.removeUser('bob', 'cli')
  const session = { account: 'acme', by: 'user:anna' }
  await registry.endSession({ id: 'over', until: 1, ...session })
  await registry.endSession({ id: 'ended', until: Date.now() + 60_000, ...session })
}

function expectChanged({ registry, keys }: Store): void {
  expect(registry.account('acme')).toMatchObject({
    ...{ tier: 'premium', timeZone: 'Europe/Berlin', limits: { tokensPerDay: 5 } },
    ...{ note: 'pays late', lowCredit: 7n, isDisabled: false },
  })
  const limited = { expiresAt: 5_000, models: ['gpt'], tags: ['bot'], role: 'user' }
  expect(keys.withId('key_acme')).toMatchObject(limited)
  expect(keys.find('hash of acme')).toEqual(keys.withId('key_acme'))
  const open = keys.withId('key_2')
  expect(open).toMatchObject({ role: 'viewer', limits: { tokensPerMinute: 1 } })
  expect([open?.expiresAt, open?.models]).toEqual([undefined, undefined])
  expect(registry.user('anna')).toMatchObject({ name: 'anna', ...rest })
  expect(registry.users().map(({ name }) => name)).toEqual(['anna'])
  expect([registry.hasEnded('ended'), registry.hasEnded('over')]).toEqual([true, false])
  expect([...registry.accounts(1)].map(({ account }) => account)).toEqual(['zeta'])
  expect([...registry.keys(1)].map(({ id }) => id)).toEqual(['key_zeta', 'key_2'])
}

test.each([
  ['from the journal', 1_000_000],
  ['from a snapshot', 1],
])('accounts, keys, users and sessions are the same after a restart, %s', async (_, max) => {
  const store = await openAt(dir, max)
  await withAccount(store, 'acme', 1_000n)
  await withAccount(store, 'zeta', 1_000n)
  expect(store.registry.account('acme')).toMatchObject({ timeZone: 'UTC', note: '', lowCredit: 0n })
  await change(store)
  expectChanged(store)
  await store.close()
  const again = await openAt(dir, max)
  expect(fs.existsSync(path.join(dir, 'gateway.json'))).toBe(max === 1)
  expectChanged(again)
  await again.close()
  expect(auditFolder({ db: dir }).findings).toEqual([])
})

test('a disabled account holds nothing, from that moment on and after a restart', async () => {
  const store = await openAt(dir, 1)
  await withAccount(store, 'acme', 1_000n)
  await store.registry.setAccount('acme', { isDisabled: true })
  await expect(store.ledger.hold(holdOf('h1', 1n))).rejects.toMatchObject({
    code: 'key_not_allowed',
  })
  await store.close()
  const again = await openAt(dir, 1)
  await expect(again.ledger.hold(holdOf('h2', 1n))).rejects.toMatchObject({
    code: 'key_not_allowed',
  })
  await again.registry.setAccount('acme', { isDisabled: false })
  expect(await again.ledger.hold(holdOf('h3', 1n))).toEqual({ kind: 'held' })
  await again.close()
})
