import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { micro } from '../domain/money.ts'
import { auditFolder } from '../wiring/audit.ts'
import { withAccount } from './contract.ts'
import { forgedCopy, textsIn, type Edit, type Entry } from './forged-copy.ts'
import { openStore } from './lowdb/open-store.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-vouchers-'))
const honest = path.join(root, 'honest')
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

const open = (nowMs: number) =>
  openStore({
    ...{ dir: honest, purpose: 'server', now: () => nowMs },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

const codeOf = (id: string) => ({ id, hash: `hash of ${id}`, hint: '…XY' })

/** Two codes are redeemed, one is withdrawn, one expires; bob was invited by anna, and eve by bob. */
beforeAll(async () => {
  const store = await open(1_000)
  for (const id of ['anna', 'bob', 'eve']) await withAccount(store, id, 100n)
  const { vouchers } = store
  const series = { series: 'ser_1', amount: micro(50n), by: 'test' }
  await vouchers.addCodes({
    ...series,
    codes: ['c1', 'c2', 'c3', 'c4'].map(codeOf),
    expiresAt: 9_000,
  })
  const redeem = (code: string, account: string) =>
    vouchers.redeem({ id: `by-${code}`, hash: `hash of ${code}`, account, by: 'test' })
  expect([await redeem('c1', 'anna'), await redeem('c2', 'bob')]).toMatchObject([
    ...[{ kind: 'redeemed' }, { kind: 'redeemed' }],
  ])
  await vouchers.revokeCode('c3', 'test')
  const bonus = { inviter: micro(5n), invited: micro(2n) }
  const invite = (invited: string, inviter: string) =>
    vouchers.invite({ invited, inviter, bonus, ids: [`${invited}-1`, `${invited}-2`], by: 'test' })
  expect([await invite('bob', 'anna'), await invite('eve', 'bob')]).toMatchObject([
    ...[{ kind: 'invited' }, { kind: 'invited' }],
  ])
  await store.close()
})

const rulesIn = (dir: string) => [
  ...new Set(auditFolder({ db: dir }).findings.map(({ rule }) => rule)),
]

const one = (all: Entry[], name: string, value: string): Entry => {
  const found = all.find((line) => line['kind'] === 'credit' && line[name] === value)
  if (found === undefined) throw new Error(`no credit with ${name} ${value}`)
  return found
}
const entryOf = (all: Entry[], kind: string, ref: string): Entry =>
  all.find((line) => line['kind'] === kind && line['ref'] === ref) ?? {}
function moveBehind(all: Entry[], entry: Entry, other: Entry): void {
  all.splice(all.indexOf(entry), 1)
  all.splice(all.indexOf(other) + 1, 0, entry)
}

const LIES: [lie: string, edit: Edit][] = [
  ['a code that was redeemed twice', (all) => (one(all, 'code', 'c2')['code'] = 'c1')],
  [
    'a code that was withdrawn before',
    (all) => {
      const revoked = entryOf(all, 'code-revoked', 'c3')
      moveBehind(all, revoked, entryOf(all, 'code', 'c4'))
      revoked['ref'] = 'c2'
    },
  ],
  ['a code that nobody made', (all) => (one(all, 'code', 'c2')['code'] = 'c9')],
  ['a code that had expired', (all) => (entryOf(all, 'code', 'c1')['expiresAt'] = 1_000)],
  ['a code that was for less', (all) => (entryOf(all, 'code', 'c1')['amount'] = '49')],
  [
    'a code that was made after it was redeemed',
    (all) => {
      moveBehind(all, entryOf(all, 'code', 'c2'), one(all, 'code', 'c2'))
    },
  ],
  [
    'an account that was invited twice',
    (all) => {
      all.splice(all.indexOf(one(all, 'invitedBy', 'bob')), 0, again(one(all, 'invitedBy', 'anna')))
    },
  ],
  ['an account that invited itself', (all) => (one(all, 'invitedBy', 'anna')['invitedBy'] = 'bob')],
  ['a circle of invitations', (all) => (one(all, 'invitedBy', 'anna')['invitedBy'] = 'eve')],
  ['a bonus for inviting somebody else', (all) => (one(all, 'invited', 'eve')['invited'] = 'anna')],
]

/** Once more, with sums that are right. */
const again = (credit: Entry): Entry => {
  const sum = (name: string) => String(Number(credit[name]) + Number(credit['amount']))
  return { ...credit, ref: 'once more', balance: sum('balance') }
}

test('true books with codes and invitations are found true, from the snapshot as well', async () => {
  expect(auditFolder({ db: honest }).findings).toEqual([])
  await (await open(2_000)).close()
  expect(textsIn(honest).join('')).toContain('"invitedBy":"bob"')
  expect(auditFolder({ db: honest }).findings).toEqual([])
})

test('the forger’s own hand is not what gives a lie away', () => {
  const dir = forgedCopy(honest, { to: path.join(root, 'unedited'), edit: () => undefined })
  expect(rulesIn(dir)).toEqual([])
})

describe('whoever forges credit for codes or invitations is found out by A21', () => {
  test.each(LIES)('%s', (lie, edit) => {
    expect(rulesIn(forgedCopy(honest, { to: path.join(root, lie), edit }))).toContain('A21')
  })
})
