import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import type { GatewayProcess } from './support/gateway-process.ts'
import { clientOf, openHouse, type Client, type House } from './support/house.ts'
import { readJournal } from './support/journal.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'
import { runScript } from './support/script.ts'

let house: House
let gateway: GatewayProcess
let anna: Client
let bob: Client
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'] })
  gateway = house.gateway
  anna = await newClient('1000')
  bob = await newClient('10')
})
afterAll(async () => {
  await gateway.stop()
  await house.close()
})

type Asking = Readonly<{ key?: string; headers?: Record<string, string> }>
type Answer = Readonly<Record<string, string>>

/** As an admin, under a new idempotency key unless the headers say otherwise. */
const post = (to: string, body: unknown, { key = gateway.adminKey, headers }: Asking = {}) =>
  raw({
    ...{ url: gateway.url, key, path: `/admin/${to}` },
    headers: headers ?? { 'idempotency-key': randomUUID() },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const json = ({ body }: RawAnswer) => JSON.parse(body) as Answer
const errorOf = ({ status, body }: RawAnswer) => {
  const { error } = JSON.parse(body) as { error: { code: string; param: string | null } }
  return [status, error.code, error.param]
}
const entries = () => readJournal(gateway.dir).filter(({ kind }) => kind !== 'open').length

let accounts = 0
async function newClient(credits: string): Promise<Client> {
  const account = `client${accounts++}`
  return clientOf(gateway.url, account, (await gateway.user(account, credits)).key)
}

/** An answered request of a new account with 1000 credits. */
async function charged(): Promise<{ id: string; cost: number; client: Client }> {
  const client = await newClient('1000')
  const { headers } = await raw({ url: gateway.url, key: client.key, body: chat('words') })
  return {
    id: String(headers['x-request-id']),
    cost: 1000 - Number(await client.balance()),
    client,
  }
}

describe('over HTTP, an admin', () => {
  test('grants, deducts and adjusts credit, and each answer says who did what to whom, and why', async () => {
    const granted = await post(`accounts/${anna.account}/credits/grant`, {
      ...{ amount: '25.5', reason: 'thanks' },
    })
    expect(granted.status).toBe(201)
    expect(granted.headers['cache-control']).toBe('no-store')
    const said = { account: anna.account, amount: '25.5', balance: '1025.5', held: '0' }
    expect(json(granted)).toMatchObject({ kind: 'credit', ...said, reason: 'thanks', by: 'master' })
    await post(`accounts/${anna.account}/credits/deduct`, { amount: 5 })
    await post(`accounts/${anna.account}/credits/adjust`, { amount: '-0.5', reason: 'wrong' })
    expect(await anna.balance()).toBe('1020')
    const [entry] = readJournal(gateway.dir).filter(({ ref }) => ref === json(granted)['id'])
    expect(entry).toMatchObject({ kind: 'credit', by: 'master', reason: 'thanks' })
  })

  test('who has a key of their own is named by its id', async () => {
    const { key, keyId } = await gateway.issue(['--type', 'admin'])
    const granted = await post(`accounts/${anna.account}/credits/grant`, { amount: 1 }, { key })
    expect(json(granted)['by']).toBe(keyId)
    await post(`accounts/${anna.account}/credits/deduct`, { amount: 1 }, { key })
  })

  test('moves credit between accounts in one entry', async () => {
    const [from, to] = [anna.account, bob.account]
    const moved = await post('transfers', { from, to, amount: '20' })
    expect(json(moved)).toMatchObject({ from: { balance: '1000' }, to: { balance: '30' } })
    expect([await anna.balance(), await bob.balance()]).toEqual(['1000', '30'])
  })

  test('refunds a request in part, then the rest, and never more', async () => {
    const { id, cost, client } = await charged()
    const part = json(await post(`requests/${id}/refund`, { amount: '1', reason: 'slow' }))
    expect(part).toMatchObject({
      kind: 'refund',
      request: id,
      account: client.account,
      amount: '1',
    })
    const above = await post(`requests/${id}/refund`, { amount: String(cost) })
    expect(errorOf(above)).toEqual([400, 'invalid_request', 'amount'])
    expect(json(await post(`requests/${id}/refund`, ''))['amount']).toBe(String(cost - 1))
    expect(await client.balance()).toBe('1000')
    expect(errorOf(await post(`requests/${id}/refund`, {}))).toEqual([
      400,
      'invalid_request',
      'amount',
    ])
  })

  test('fifty refunds of one request at once give back what was paid, and no more', async () => {
    const { id, cost, client } = await charged()
    const amount = String(Math.floor(cost / 4))
    const asked = Array.from({ length: 50 }, () => post(`requests/${id}/refund`, { amount }))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 201).length).toBe(4)
    expect(statuses.filter((status) => status === 400).length).toBe(46)
    expect(Number(await client.balance())).toBe(1000 - cost + 4 * Number(amount))
  })

  test('is told the same again under the same key: at once, a hundred times, and after a kill', async () => {
    const headers = { 'idempotency-key': 'top-up-7' }
    const grant = (amount: unknown = '7') =>
      post(`accounts/${bob.account}/credits/grant`, { amount }, { headers })
    const before = entries()
    const answers = await Promise.all(Array.from({ length: 100 }, () => grant()))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    const replayed = answers.filter((one) => one.headers['idempotency-replayed'] === 'true')
    expect(replayed.length).toBe(99)
    expect(entries()).toBe(before + 1)
    await gateway.stop('SIGKILL')
    gateway = await gateway.restart()
    expect((await grant('7.0')).body).toBe(answers[0]?.body)
    expect(errorOf(await grant('8'))).toEqual([409, 'idempotency_conflict', 'Idempotency-Key'])
    expect(entries()).toBe(before + 1)
  })
})

const grant = () => `accounts/${anna.account}/credits/grant`
const deduct = () => `accounts/${anna.account}/credits/deduct`
const adjust = () => `accounts/${anna.account}/credits/adjust`
const transfer = (more: object) => ({ from: anna.account, to: bob.account, amount: '1', ...more })

type Bad = readonly [what: string, to: () => string, body: () => unknown, answer: unknown[]]
const bad = (param: string, status = 400, code = 'invalid_request') => [status, code, param]
const AMOUNTS = [
  ...['null', '0', '-1', '0.5', '1e400', '9000000000001', '9000000000000001', '{}', '[1]'],
  ...[
    '"0"',
    '"-1"',
    '"1e3"',
    '"0x10"',
    '" 1"',
    '"0.0000001"',
    '"9000000000000.000001"',
    '"Infinity"',
  ],
  ...['"١"', '"1_000"', '""', 'true'],
]
const BAD: readonly Bad[] = [
  ...AMOUNTS.map((one): Bad => [
    `a grant of ${one}`,
    grant,
    () => `{"amount":${one}}`,
    bad('amount'),
  ]),
  ['a grant of NaN', grant, () => '{"amount":NaN}', [400, 'invalid_request', null]],
  ['no amount', grant, () => ({}), bad('amount')],
  ['an adjustment of zero', adjust, () => ({ amount: '-0', reason: 'x' }), bad('amount')],
  ['an adjustment of --1', adjust, () => ({ amount: '--1', reason: 'x' }), bad('amount')],
  ['an adjustment without a reason', adjust, () => ({ amount: '1' }), bad('reason')],
  [
    'an adjustment for an empty reason',
    adjust,
    () => ({ amount: '1', reason: ' ' }),
    bad('reason'),
  ],
  ['a reason of two lines', grant, () => ({ amount: 1, reason: 'a\r\nb' }), bad('reason')],
  ['a reason that turns around', grant, () => ({ amount: 1, reason: 'a\u202eb' }), bad('reason')],
  ['a reason with a NUL', grant, () => ({ amount: 1, reason: 'a\u0000' }), bad('reason')],
  ['a reason without end', grant, () => ({ amount: 1, reason: 'a'.repeat(501) }), bad('reason')],
  ['a reason that is no text', grant, () => ({ amount: 1, reason: 5 }), bad('reason')],
  ['a balance', grant, () => ({ amount: 1, balance: '5' }), bad('balance')],
  ['another account than the address', grant, () => ({ amount: 1, account: 'x' }), bad('account')],
  [
    'an unknown account',
    () => 'accounts/nobody/credits/grant',
    () => ({ amount: 1 }),
    bad('account', 404, 'not_found'),
  ],
  [
    'the operator',
    () => 'accounts/operator/credits/grant',
    () => ({ amount: 1 }),
    bad('account', 404, 'not_found'),
  ],
  [
    'an account with a line break',
    () => 'accounts/a%0Ab/credits/grant',
    () => ({ amount: 1 }),
    bad('account'),
  ],
  [
    'more than is free',
    deduct,
    () => ({ amount: '1000000' }),
    bad('amount', 402, 'insufficient_quota'),
  ],
  [
    'a transfer of more than is free',
    () => 'transfers',
    () => transfer({ amount: '1000000' }),
    bad('amount', 402, 'insufficient_quota'),
  ],
  ['a transfer to oneself', () => 'transfers', () => transfer({ to: anna.account }), bad('to')],
  [
    'a transfer to nobody',
    () => 'transfers',
    () => transfer({ to: 'nobody' }),
    bad('account', 404, 'not_found'),
  ],
  ['a transfer to a list', () => 'transfers', () => transfer({ to: [bob.account] }), bad('to')],
  [
    'a refund of a request that nobody made',
    () => 'requests/req_0123456789ab1000000000/refund',
    () => ({}),
    bad('request', 404, 'not_found'),
  ],
  ['a refund of no request id', () => 'requests/a%20b/refund', () => ({}), bad('request')],
]

test.each(BAD)('%s is refused by name, and nothing is booked', async (_, to, body, answer) => {
  const before = entries()
  expect(errorOf(await post(to(), body()))).toEqual(answer)
  expect(entries()).toBe(before)
})

test('money is not moved without an idempotency key, nor by a user, nor by nobody', async () => {
  const before = entries()
  for (const value of [undefined, '', 'two words', 'x'.repeat(256), 'ü']) {
    const headers = value === undefined ? {} : { 'idempotency-key': value }
    const answer = await post(grant(), { amount: 1 }, { headers })
    expect(errorOf(answer)).toEqual([400, 'invalid_request', 'Idempotency-Key'])
  }
  for (const [key, status] of [
    [anna.key, 403],
    ['', 401],
    ['tg-nonsense', 401],
  ] as const)
    for (const to of [grant(), 'transfers', 'requests/req_1/refund'])
      expect((await post(to, { amount: 1 }, { key })).status).toBe(status)
  expect(entries()).toBe(before)
})

const tollgate = (...args: string[]) => runScript('tollgate', [...args, '--json'], gateway)
async function done(...args: string[]): Promise<Answer> {
  const { stdout, stderr } = await tollgate('credits', ...args)
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Answer
}

/** One after the other, so that each answer tells of all before it. */
async function everyCommand(id: string, client: Client): Promise<void> {
  const { account } = client
  const before = Number(await done('grant', account, '5').then(({ balance }) => balance))
  expect(Number((await done('deduct', account, '1.5', '--yes'))['balance'])).toBe(before - 1.5)
  const adjusted = await done('adjust', account, '-0.5', '--yes', '--reason', 'wrong')
  expect(adjusted).toMatchObject({ by: 'cli', reason: 'wrong', balance: String(before - 2) })
  const moved = await done('transfer', account, bob.account, '3', '--yes')
  expect(moved).toMatchObject({ from: { account, balance: String(before - 5) } })
  const key = ['--idempotency-key', `refund ${id}`.replace(' ', '-')]
  const refund = ['refund', id, '2', '--yes', ...key]
  const refunded = await done(...refund)
  expect(refunded).toMatchObject({ request: id, balance: String(before - 3) })
  expect(await done(...refund)).toEqual(refunded)
}

describe('the command line', () => {
  test('does the same, beside a running server and without one', async () => {
    const [first, second] = [await charged(), await charged()]
    await everyCommand(first.id, first.client)
    await gateway.stop()
    await everyCommand(second.id, second.client)
    gateway = await gateway.restart()
  }, 60_000)

  test('asks before it takes credit, and says what it refuses', async () => {
    const before = entries()
    const unasked = await tollgate('credits', 'deduct', anna.account, '1')
    expect([unasked.code, unasked.stderr]).toEqual([1, expect.stringContaining('--yes')])
    const refused = await tollgate('credits', 'grant', 'nobody', '1')
    const error = { message: "There is no account 'nobody'.", param: 'account', code: 'not_found' }
    expect([refused.code, JSON.parse(refused.stderr)]).toEqual([1, { error }])
    for (const args of [['grant', anna.account], ['grant', anna.account, '1', '2'], ['spend'], []])
      expect((await tollgate('credits', ...args)).code).toBe(1)
    expect(entries()).toBe(before)
  })
})

const trail = async (query = '', key = gateway.adminKey) =>
  raw({ url: gateway.url, key, method: 'GET', path: `/admin/audit${query}` })
type Trail = { data: Answer[]; has_more: boolean; next_cursor: string | null }
const pageOf = async (query = '') => JSON.parse((await trail(query)).body) as Trail

describe('the audit trail', () => {
  test('says who did what, newest first, page by page, and nothing of requests', async () => {
    await post(grant(), { amount: '3', reason: 'last' })
    const deeds = readJournal(gateway.dir).filter((one) => 'by' in one)
    const all = await pageOf('?limit=1000')
    expect(all.data.map(({ seq }) => seq)).toEqual(deeds.map(({ seq }) => seq).reverse())
    const last = {
      kind: 'credit',
      by: 'master',
      account: anna.account,
      amount: '3',
      reason: 'last',
    }
    expect(all.data[0]).toMatchObject(last)
    const seen: Answer[] = []
    let query = '?limit=7'
    for (;;) {
      const { data, next_cursor: cursor } = await pageOf(query)
      seen.push(...data)
      if (cursor === null) break
      query = `?limit=7&cursor=${cursor}`
    }
    expect(seen).toEqual(all.data)
  })

  test('by account, by kind and by who did it', async () => {
    const transfers = await pageOf(`?kind=transfer&account=${bob.account}`)
    expect(transfers.data.length).toBeGreaterThan(0)
    expect(transfers.data.every(({ to }) => to === bob.account)).toBe(true)
    const byCommand = await pageOf('?by=cli&kind=adjust')
    expect(byCommand.data.every(({ by, kind }) => by === 'cli' && kind === 'adjust')).toBe(true)
    expect((await pageOf('?by=gateway&kind=key')).data).toMatchObject([{ role: 'owner' }])
    expect((await trail('?kind=key')).body).not.toMatch(/hash/)
    const { stdout } = await tollgate('audit-trail', '--by', 'cli', '--kind', 'adjust')
    expect((JSON.parse(stdout) as Trail).data).toEqual(byCommand.data)
  })

  test('is for admins, and refuses what it does not know', async () => {
    expect((await trail('', anna.key)).status).toBe(403)
    expect((await trail('', '')).status).toBe(401)
    const { next_cursor: cursor } = await pageOf('?limit=1')
    expect(errorOf(await trail('?kind=hold'))).toEqual([400, 'invalid_request', 'kind'])
    expect(errorOf(await trail('?limit=0'))).toEqual([400, 'invalid_request', 'limit'])
    expect(errorOf(await trail('?actor=x'))).toEqual([400, 'invalid_request', 'actor'])
    for (const wrong of [`?cursor=${cursor}x`, `?by=cli&cursor=${cursor}`, '?cursor=5'])
      expect(errorOf(await trail(wrong))).toEqual([400, 'invalid_cursor', 'cursor'])
  })
})

test('after all of this the books are true', async () => {
  await gateway.stop()
  const { findings } = auditFolder({ db: path.join(gateway.dir, 'db') })
  expect(findings).toEqual([])
  gateway = await gateway.restart()
})
