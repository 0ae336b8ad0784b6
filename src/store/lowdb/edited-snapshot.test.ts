import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { acceptEdit, lookForEdit } from '../../wiring/accept-edit.ts'
import { auditFolder } from '../../wiring/audit.ts'
import { holdOf, withAccount } from '../contract.ts'
import { openStore } from './open-store.ts'
import { dbPaths } from './segments.ts'
import { copyFolder } from '../copied-folder.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-edit-'))
const whole = dbPaths(path.join(root, 'whole'))
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const openAt = (dir: string) =>
  openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 3_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

beforeAll(async () => {
  for (const run of ['a', 'b']) {
    const store = await openAt(whole.dir)
    if (run === 'a') for (const name of ['acme', 'zeta']) await withAccount(store, name, 1_000n)
    for (let n = 0; n < 12; n++) await store.ledger.hold(holdOf(`${run}${n}`, 20n))
    await store.close()
  }
})

let cases = 0
type Draft = {
  seq: number
  state: { accounts: Record<string, unknown>[]; keys: Record<string, unknown>[]; overrun: string }
}
function edited(edit: (draft: Draft) => void): string {
  const paths = dbPaths(path.join(root, `case-${++cases}`))
  copyFolder(whole.dir, paths.dir)
  const draft = JSON.parse(fs.readFileSync(paths.snapshot, 'utf8')) as Draft
  edit(draft)
  fs.writeFileSync(paths.snapshot, JSON.stringify(draft, null, 2))
  return paths.dir
}
const account = (draft: Draft, id: string) =>
  draft.state.accounts.find((one) => one['id'] === id) ?? {}

async function balances(dir: string) {
  const store = await openAt(dir)
  const found = ['acme', 'zeta'].map((name) => store.ledger.account(name)?.credit.balance)
  await store.close()
  return found
}

test('balances that were changed by hand are booked as the difference, and the books are true', async () => {
  const dir = edited((draft) => {
    account(draft, 'acme')['balance'] = '1500'
    account(draft, 'zeta')['balance'] = 400 // as a number, as people write it
  })
  await expect(openAt(dir)).rejects.toThrow('accept-edit')
  const edit = await lookForEdit(dir)
  expect(edit).toMatchObject({ others: [] })
  if (edit === undefined) throw new Error('no edit')
  const accepted = await acceptEdit(dir, edit)
  expect(accepted.refused).toEqual([])
  expect(await balances(dir)).toEqual([1_500n, 400n])
  expect(auditFolder({ db: dir }).findings).toEqual([])
  expect(await lookForEdit(dir)).toBeUndefined()
  // Asked again by the file that was set aside, it books nothing more.
  const again = await lookForEdit(dir, accepted.keptAs)
  if (again === undefined) throw new Error('no edit')
  await acceptEdit(dir, again)
  expect(await balances(dir)).toEqual([1_500n, 400n])
})

test('a balance below what is promised is refused, and told', async () => {
  const dir = edited((draft) => (account(draft, 'acme')['balance'] = '100'))
  const edit = await lookForEdit(dir)
  if (edit === undefined) throw new Error('no edit')
  const { booked, refused } = await acceptEdit(dir, edit)
  expect([booked, refused]).toEqual([[], [{ account: 'acme', change: -900n }]])
  expect(await balances(dir)).toEqual([1_000n, 1_000n])
})

describe('what is no balance cannot be booked', () => {
  const OTHERS: [what: string, edit: (draft: Draft) => void, words: string][] = [
    ['a tier', (draft) => (account(draft, 'acme')['tier'] = 'vip'), 'more than the balance'],
    ['a hold', (draft) => (account(draft, 'acme')['held'] = '0'), 'more than the balance'],
    ['a new account', (draft) => draft.state.accounts.push({ id: 'new', balance: '5' }), 'added'],
    ['an account', (draft) => draft.state.accounts.pop(), 'zeta was taken out'],
    ['a key', (draft) => draft.state.keys.pop(), '"keys" was changed'],
    ['the operator’s costs', (draft) => (draft.state.overrun = '5'), '"overrun" was changed'],
    ['a word for a number', (draft) => (account(draft, 'acme')['balance'] = 'lots'), 'no whole'],
    ['a fraction', (draft) => (account(draft, 'acme')['balance'] = 0.5), 'no whole number'],
    ['less than nothing', (draft) => (account(draft, 'acme')['balance'] = '-5'), 'no whole number'],
  ]
  test.each(OTHERS)('%s', async (_, edit, words) => {
    const found = await lookForEdit(edited(edit))
    expect(found).toMatchObject({ balances: [], others: [expect.stringContaining(words)] })
  })
})

test('a snapshot that nobody changed has no edit', async () => {
  expect(await lookForEdit(whole.dir)).toBeUndefined()
})

test('a file that is no snapshot any more says so', async () => {
  const dir = edited(() => undefined)
  fs.writeFileSync(path.join(dir, 'gateway.json'), 'accounts: none')
  await expect(lookForEdit(dir)).rejects.toThrow('not JSON')
})
