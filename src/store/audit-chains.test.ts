import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { micro } from '../domain/money.ts'
import { auditFolder } from '../wiring/audit.ts'
import { copyFolder } from './copied-folder.ts'
import { forgedCopy, textsIn, type Edit, type Entry } from './forged-copy.ts'
import { chargeOf, grant, holdOf, NOT_SENT, PRICE, withAccount } from './contract.ts'
import { openStore, type Store } from './lowdb/open-store.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-chains-'))
const honest = path.join(root, 'honest')

const open = () =>
  openStore({
    ...{ dir: honest, purpose: 'server', now: () => 1_000, segmentBytesMax: 3_000 },
    ...{ onFatal: () => undefined, onTrouble: () => undefined },
  })

/** Shop buys of store at 1.5 times its price, store of acme at 1.1 times. */
beforeAll(async () => {
  const store = await open()
  await withAccount(store, 'acme', 1_000n)
  await withAccount(store, 'other', 1_000n)
  const sub = { tier: 'free', subAccountsMax: 2, by: 'test' }
  await store.registry.openSubAccount({ id: 'store', parent: 'acme', markup: '0.1', ...sub })
  await store.registry.openSubAccount({ id: 'shop', parent: 'store', markup: '0.5', ...sub })
  for (const account of ['store', 'shop'])
    await grant(store.registry, { id: `to-${account}`, account, amount: 2_000n })
  await store.registry.place('store', { cap: micro(1_500n), word: 'operator' }, 'test')
  for (const [id, word] of Object.entries({ idle: 'operator', idler: 'reseller' } as const)) {
    await store.registry.openSubAccount({ id, parent: 'store', markup: '0', ...sub })
    await store.registry.setAccount(id, { isDisabled: true, word }, 'key_1')
  }
  for (const id of ['h1', 'h2', 'h3', 'h4']) await hold(store, id)
  const { price } = asShop(store)
  const usage = { ...chargeOf('h1', 100n).usage }
  await store.ledger.settle(chargeOf('h1', 165n, { usage, price }))
  await store.ledger.settle({
    ...chargeOf('h2', 165n, { usage, price }),
    ...{ payer: 'operator', outcome: 'cut' },
  })
  await store.ledger.release('h3', NOT_SENT)
  await hold(store, 'h5', 66n)
  await store.ledger.settle(chargeOf('h5', 165n, { usage, price }))
  store.ledger.progress('h4', micro(33n))
  await vi.waitFor(() => {
    expect(textsIn(honest).join('')).toContain('"kind":"progress"')
  }, 30_000)
  const refund = { kind: 'refund', request: 'h1', amount: micro(50n) } as const
  await store.registry.book(refund, { id: 'f1', by: 'test', reason: 'test' })
  await store.close()
  const again = await open()
  for (const { id } of again.ledger.orphans()) await again.ledger.endOrphan(id, micro(33n))
  await again.close()
})
afterAll(() => {
  fs.rmSync(root, { recursive: true })
})

function asShop({ ledger }: Store) {
  const resale = ledger.resale('shop')
  return { resale, price: resale?.ownPrice(PRICE) ?? PRICE }
}
const hold = (store: Store, id: string, most?: bigint) =>
  store.ledger.hold({
    ...{ ...holdOf(id, 330n, 'shop'), ...asShop(store) },
    most: most === undefined ? undefined : micro(most),
  })

const forged = (name: string, edit: Edit): string =>
  forgedCopy(honest, { to: path.join(root, name), edit })

const rulesIn = (dir: string) => [
  ...new Set(auditFolder({ db: dir }).findings.map(({ rule }) => rule)),
]
function one(lines: Entry[], kind: string, ref?: string): Entry {
  const found = lines.find((line) => line['kind'] === kind && (!ref || line['ref'] === ref))
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}
const levels = (line: Entry) => line['levels'] as [Entry, Entry]
const account = (all: Entry[], id: string) =>
  all.find((line) => line['kind'] === 'account' && line['account'] === id) ?? {}

const LIES: [rule: string, lie: string, edit: Edit][] = [
  ['A4', 'a reseller who is not charged', (all) => (levels(one(all, 'settle'))[0]['amount'] = '0')],
  [
    'A4',
    'a balance above that was raised',
    (all) => (levels(one(all, 'settle'))[1]['balance'] = '1000'),
  ],
  [
    'A5',
    'a hold that a reseller does not feel',
    (all) => (levels(one(all, 'hold'))[0]['held'] = '0'),
  ],
  [
    'A8',
    'a reseller who is charged above its cost',
    (all) => (levels(one(all, 'settle'))[0]['cost'] = '109'),
  ],
  ['A8', 'what nobody paid at the top', (all) => all.splice(all.indexOf(one(all, 'overrun')), 1)],
  ['A8', "a charge above its caller's limit", (all) => (one(all, 'hold', 'h5')['most'] = '65')],
  ['A8', 'less than it could pay without a limit', (all) => delete one(all, 'hold', 'h5')['most']],
  [
    'A11',
    'a refund that gives the top more than it paid',
    (all) => (levels(one(all, 'refund'))[1]['paid'] = '999'),
  ],
  [
    'A16',
    'a reseller who is charged for other usage',
    (all) => other(levels(one(all, 'settle'))[0]),
  ],
  [
    'A16',
    'what was noted shared out otherwise',
    (all) => other(levels(one(all, 'settle', 'h4'))[1]),
  ],
  ['A19', 'a hold that leaves the reseller out', (all) => levels(one(all, 'hold')).shift()],
  [
    'A19',
    'a hold of an account that is not above',
    (all) => (levels(one(all, 'hold'))[1]['account'] = 'other'),
  ],
  ['A19', 'a hold at another markup', (all) => (one(all, 'hold')['markup'] = '0.4')],
  ['A19', 'a charge that leaves the top out', (all) => levels(one(all, 'settle')).pop()],
  ['A19', 'a hold above a cap', (all) => (account(all.toReversed(), 'store')['cap'] = '800')],
  [
    'A19',
    'a circle',
    (all) => Object.assign(account(all, 'acme'), { parent: 'shop', markup: '0' }),
  ],
  ['A19', 'a refund of another share', (all) => (levels(one(all, 'refund'))[0]['amount'] = '34')],
  [
    'A20',
    'a price that is not the markup',
    (all) => (levels(one(all, 'settle'))[0]['price'] = 'v-one'),
  ],
  [
    'A20',
    'a price of the top that is another',
    (all) => (levels(one(all, 'settle'))[1]['price'] = one(all, 'settle')['price']),
  ],
]

const other = (level: Entry) => {
  level['cost'] = level['amount'] = String(Number(level['cost']) + 1)
}

test('true books with resellers are found true, over restarts, segments and snapshots', () => {
  const { findings, notes } = auditFolder({ db: honest })
  expect([findings, notes]).toEqual([[], []])
  expect(fs.existsSync(path.join(honest, 'gateway.json'))).toBe(true)
})

/** A right digest, and accounts as the snapshots of some program would have them. */
function snapshotsWith(edit: (account: Entry) => void, name: string): string {
  const dir = path.join(root, name)
  copyFolder(honest, dir)
  for (const file of ['gateway.json', 'gateway.prev.json'].map((one) => path.join(dir, one))) {
    if (!fs.existsSync(file)) continue
    const snapshot = JSON.parse(fs.readFileSync(file, 'utf8')) as { state: { accounts: Entry[] } }
    snapshot.state.accounts.forEach(edit)
    const digest = createHash('sha256').update(JSON.stringify(snapshot.state)).digest('hex')
    fs.writeFileSync(file, JSON.stringify({ ...snapshot, digest }))
  }
  return dir
}

test('snapshots of a version that did not note who disabled an account are true; another name, or cap, is not', () => {
  const older = snapshotsWith((one) => delete one['disabledBy'], 'older')
  expect(rulesIn(older)).toEqual([])
  const other = (account: Entry) => {
    if (account['id'] === 'idle') account['disabledBy'] = ''
  }
  expect(rulesIn(snapshotsWith(other, 'other name'))).toEqual(['A15'])
  expect(rulesIn(snapshotsWith((one) => delete one['capMax'], 'no cap'))).toEqual(['A15'])
})

test('an account that was placed without a word of its markup pays what its parent pays, and that is true', () => {
  const dir = forged('silent', (all) => {
    for (const line of all) if (line['kind'] === 'account') delete line['markup']
    for (const line of all) if (line['kind'] === 'hold' && line['account'] === 'shop') silence(line)
  })
  expect(auditFolder({ db: dir }).findings.filter(({ rule }) => rule === 'A19')).toEqual([])
})
function silence(line: Entry): void {
  for (const one of [line, levels(line)[0]]) one['markup'] = '0'
}

test('the forger’s own hand is not what gives a lie away', () => {
  expect(rulesIn(forged('unedited', () => undefined))).toEqual([])
})

describe('a forger of chains is found out by the rules', () => {
  test.each(LIES)('%s: %s', (rule, lie, edit) => {
    expect(rulesIn(forged(lie, edit))).toContain(rule)
  })
})
