import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { chargeOf, holdOf, ledgerContract, withAccount } from '../contract.ts'
import { openStore, type StoreOptions } from './open-store.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-ledger-'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const openAt = (place: string, more: Partial<StoreOptions> = {}) =>
  openStore({
    ...{ dir: path.join(root, place), purpose: 'server', now: Date.now },
    onFatal: (error) => {
      throw error
    },
    onTrouble: () => undefined,
    ...more,
  })

ledgerContract('the LowDB store', (place) => openAt(place))

/** Every file and folder below one, with the bits of its mode that people speak of. */
const modesIn = (dir: string) =>
  fs.readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) => {
    const full = path.join(entry.parentPath, entry.name)
    const mode = (fs.statSync(full).mode & 0o777).toString(8)
    return { name: path.relative(dir, full), kind: entry.isDirectory() ? 'folder' : 'file', mode }
  })

test('nobody but its owner can read the data folder or anything in it', async () => {
  const store = await openAt('modes', { segmentBytesMax: 2_000 })
  await withAccount(store, 'acme', 1_000n)
  for (let n = 0; n < 12; n++) {
    await store.ledger.hold(holdOf(`h${n}`, 10n))
    await store.ledger.settle(chargeOf(`h${n}`, 1n))
  }
  await store.close()
  const modes = modesIn(path.join(root, 'modes'))
  expect(modes.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['gateway.json', 'journal/00000002.jsonl', 'journal/HEAD']),
  )
  const wrong = modes.filter(({ kind, mode }) => mode !== (kind === 'folder' ? '700' : '600'))
  expect(wrong).toEqual([])
  expect((fs.statSync(path.join(root, 'modes')).mode & 0o777).toString(8)).toBe('700')
})
