import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withAccount } from '../contract.ts'
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

test.each([
  ['from the journal', 1_000_000],
  ['from a snapshot', 1],
])(
  'an account keeps its time zone over a restart, %s, also when its tier changes',
  async (_, max) => {
    const store = await openAt(dir, max)
    await withAccount(store, 'acme', 1_000n)
    expect(store.registry.account('acme')?.timeZone).toBe('UTC')
    await store.registry.setTimeZone('acme', 'Europe/Berlin')
    await store.registry.setTier('acme', 'premium')
    await store.close()
    const { registry, close } = await openAt(dir, max)
    expect(fs.existsSync(path.join(dir, 'gateway.json'))).toBe(max === 1)
    expect(registry.account('acme')).toMatchObject({ tier: 'premium', timeZone: 'Europe/Berlin' })
    await close()
  },
)
