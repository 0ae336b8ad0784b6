import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { clientOf, openHouse, type Client, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'

let house: House
let top: Client
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'], talkative: ['answer?chunks=1000'] })
  top = await house.client('1000000')
  await admin('PATCH', `accounts/${top.account}/place`, { sub_accounts_max: 30 })
})
afterAll(async () => {
  await house.gateway.stop()
  expect(auditFolder({ db: path.join(house.gateway.dir, 'db') }).findings).toEqual([])
  await house.close()
})

type Answer = { status: number; json: Readonly<Record<string, unknown>> }

async function ask(key: string, method: string, to: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${house.gateway.url}/${to}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: (await response.json()) as Answer['json'] }
}
const admin = (method: string, to: string, body?: unknown) =>
  ask(house.gateway.adminKey, method, `admin/${to}`, body)
const as = (client: Client, method: string, to: string, body?: unknown) =>
  ask(client.key, method, `v1/${to}`, body)

let names = 0
/** A sub-account with credit and a key, made by its reseller alone. */
async function below(parent: Client, markup: string, credits: string, room = 0): Promise<Client> {
  const name = `sub${names++}`
  const made = await as(parent, 'POST', 'subaccounts', { name, markup, sub_accounts_max: room })
  expect(made).toMatchObject({ status: 201, json: { account: name, markup } })
  await as(parent, 'POST', `subaccounts/${name}/credits/grant`, { amount: credits })
  const { json } = await as(parent, 'POST', `subaccounts/${name}/keys`, {})
  return clientOf(house.gateway.url, name, String(json['key']))
}

/** A request's id, and what the answer said that it cost. */
async function talk(client: Client): Promise<{ id: string; cost: string; status: number }> {
  const { status, headers } = await raw({
    ...{ url: house.gateway.url, key: client.key, body: chat('words') },
  })
  const text = (name: string) => String(headers[name])
  return { status, id: text('x-request-id'), cost: text('x-tollgate-cost') }
}

const spent = async (client: Client, before: number): Promise<number> =>
  Math.round((before - Number(await client.balance())) * 1e6)

describe('a chain of four accounts', () => {
  test('pays at four prices, and under parallel load each sum is exact', async () => {
    const [one, two] = [await below(top, '0.1', '500000', 3), '0.25']
    const second = await below(one, two, '500000', 2)
    const third = await below(second, '1', '500000')
    const before = Number(await top.balance())
    const answers = await Promise.all(Array.from({ length: 40 }, () => talk(third)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const single = Math.round(Number(answers[0]?.cost) * 1e6)
    const shares = [2.75, 2.5, 2, 1]
    const price = single / 2.75 // whole credits by the fake's own prices
    expect(await spent(third, 500_000)).toBe(answers.length * price * (shares[0] ?? 0))
    expect(await spent(second, 500_000)).toBe(answers.length * price * 1.375)
    expect(await spent(one, 500_000)).toBe(answers.length * price * 1.1)
    expect(await spent(top, before)).toBe(answers.length * price)
    expect(await Promise.all([top, one, second, third].map(({ held }) => held()))).toEqual([
      ...['0', '0', '0', '0'],
    ])
  })

  test('pays its part of what the one who asked would pay at most', async () => {
    const reseller = await below(top, '0', '100000', 2)
    const shop = await below(reseller, '0.5', '100000')
    const before = Number(await top.balance())
    await raw({
      ...{ url: house.gateway.url, key: shop.key, body: chat('talkative') },
      headers: { 'x-max-cost': '600' },
    })
    expect([await spent(shop, 100_000), await spent(reseller, 100_000)]).toEqual([600e6, 400e6])
    expect(await spent(top, before)).toBe(400e6)
  })

  test('shows each account its own cost, price and profit, and nothing of the others', async () => {
    const reseller = await below(top, '0', '100000', 2)
    const shop = await below(reseller, '0.5', '100000')
    const { id, cost } = await talk(shop)
    const receipt = async (client: Client) => (await as(client, 'GET', `receipts/${id}`)).json
    const bought = Number(cost) / 1.5
    expect(await receipt(shop)).toMatchObject({
      ...{ account: shop.account, charged: cost, recomputed: true },
    })
    expect(await receipt(reseller)).toMatchObject({
      ...{ account: reseller.account, charged: String(bought), recomputed: true },
      sold: { account: shop.account, charged: cost, profit: String(Number(cost) - bought) },
    })
    expect(JSON.stringify(await receipt(shop))).not.toContain(reseller.account)
    expect(JSON.stringify(await receipt(reseller))).not.toContain(top.account)
    // Neither what all above add to the price, nor whose key it was two accounts further down.
    const named = (await Promise.all([shop, reseller, top].map(receipt))).map((one) => [
      ...[typeof one['key'], /^p_\w+$/.test(String(one['price']))],
    ])
    expect(named).toEqual([
      ['string', true],
      ['string', true],
      ['object', true],
    ])
    const stranger = await house.client('1')
    expect(await as(stranger, 'GET', `receipts/${id}`)).toMatchObject({ status: 404 })
  })

  test('tells a reseller what each sub-account cost and brought, exactly as in the books', async () => {
    const reseller = await below(top, '0.1', '100000', 3)
    const shops = [
      await below(reseller, '0.5', '100000', 1),
      await below(reseller, '0.25', '100000'),
    ]
    const [first, second] = shops as [Client, Client]
    const corner = await below(first, '0.1', '100000') // its requests are the first shop's business
    await Promise.all([first, second, second, corner, corner].map((one) => talk(one)))
    type Sums = { charged: string; sold: string; profit: string; requests: number }
    const ofUsage = async (query: string) =>
      (await as(reseller, 'GET', `usage?of=sub_accounts&${query}`)).json as unknown as {
        data: (Sums & { sub_account: string; day: string })[]
        total: Sums
      }
    const { data, total } = await ofUsage('group_by=day,sub_account')
    const spentBy = async (client: Client) => (await spent(client, 100_000)) / 1e6
    const brought = [await spentBy(first), await spentBy(second)]
    const cost = await spentBy(reseller)
    expect(data.map((one) => [one.sub_account, one.requests, Number(one.sold)])).toEqual([
      [first.account, 3, brought[0]],
      [second.account, 2, brought[1]],
    ])
    expect(Number(total.charged)).toBeCloseTo(cost, 6)
    expect(Number(total.sold)).toBeCloseTo((brought[0] ?? 0) + (brought[1] ?? 0), 6)
    expect(Number(total.profit)).toBeCloseTo(Number(total.sold) - cost, 6)
    const { sub_accounts: own } = (await as(reseller, 'GET', 'account')).json
    const { charged, sold, profit, requests } = total
    expect(own).toMatchObject({ charged, sold, profit, requests })
    expect(await ofUsage(`sub_account=${second.account}`)).toMatchObject({ total: { requests: 2 } })
    expect(JSON.stringify([data, total])).not.toMatch(
      new RegExp(`${corner.account}"|${top.account}"`),
    )
    const csv = await fetch(`${house.gateway.url}/v1/usage?of=sub_accounts&group_by=sub_account`, {
      headers: { authorization: `Bearer ${reseller.key}`, accept: 'text/csv' },
    })
    const [heading, line] = (await csv.text()).split('\r\n')
    expect(heading).toMatch(/^sub_account,requests.*charged,overrun,refunded,sold,returned,profit$/)
    expect(line).toContain(`${data[0]?.sold ?? ''},0,${data[0]?.profit ?? ''}`)
    const operators = await admin('GET', `usage?of=sub_accounts&account=${reseller.account}`)
    expect(operators.json).toMatchObject({ total: { charged, sold, profit } })
    expect((await as(reseller, 'GET', 'usage?of=sub_accounts&group_by=key')).status).toBe(400)
    expect((await as(reseller, 'GET', 'usage?group_by=sub_account')).status).toBe(400)
    expect((await as(first, 'GET', 'usage?of=sub_accounts')).json['total']).toMatchObject({
      requests: 2, // those of the corner
    })
    expect((await as(second, 'GET', 'usage?of=sub_accounts')).json['total']).toMatchObject({
      ...{ requests: 0, sold: '0', profit: '0' },
    })
  })

  test('gives back at every level, and what was given back is no profit', async () => {
    const first = await below(top, '0.1', '100000', 3)
    const second = await below(first, '0.25', '100000', 2)
    const third = await below(second, '1', '100000')
    const before = Number(await top.balance())
    const ids = [(await talk(third)).id, (await talk(third)).id, (await talk(second)).id]
    for (const [at, amount] of ['3.000001', undefined, '0.000007'].entries())
      await admin('POST', `requests/${ids[at] ?? ''}/refund`, { amount })
    const micro = (credits: unknown) => Math.round(Number(credits) * 1e6)
    type Sums = Readonly<Record<'charged' | 'refunded' | 'sold' | 'returned' | 'profit', string>>
    const sums = async (client: Client, of: string) => {
      const { json } = await as(client, 'GET', `usage?of=${of}&group_by=none`)
      const { charged, refunded, sold, returned, profit } = json['total'] as Sums
      return {
        ...{ charged: micro(charged), refunded: micro(refunded) },
        ...{ sold: micro(sold), returned: micro(returned), profit: micro(profit) },
      }
    }
    for (const [client, had] of [
      [first, 1e5],
      [second, 1e5],
      [third, 1e5],
    ] as const) {
      const [own, sales] = [await sums(client, 'own'), await sums(client, 'sub_accounts')]
      const paid = own.charged - own.refunded + sales.charged - sales.refunded
      expect(await spent(client, had)).toBe(paid)
    }
    const [ofFirst, ofSecond] = [
      await sums(first, 'sub_accounts'),
      await sums(second, 'sub_accounts'),
    ]
    const leaf = await sums(third, 'own')
    expect(leaf.refunded).toBeGreaterThan(3_000_001)
    expect(ofSecond).toMatchObject({ sold: leaf.charged, returned: leaf.refunded })
    const income = await spent(second, 1e5)
    expect(ofFirst.sold - ofFirst.returned).toBe(income)
    expect(ofFirst.profit).toBe(income - (await spent(first, 1e5)))
    const { sub_accounts: own } = (await as(second, 'GET', 'account')).json
    expect(micro((own as Sums).profit)).toBe(ofSecond.profit)
    const receipt = async (client: Client) =>
      (await as(client, 'GET', `receipts/${ids[1] ?? ''}`)).json
    for (const reseller of [first, second])
      expect(await receipt(reseller)).toMatchObject({ sold: { profit: '0' }, recomputed: true })
    expect(await receipt(second)).toMatchObject({
      sold: { refunded: (await receipt(third))['refunded'] },
    })
    expect(Number(await top.balance())).toBeLessThan(before)
  })

  test('is refused as a whole where an account above is short, without a word about it', async () => {
    const reseller = await below(top, '0', '1', 2)
    const shop = await below(reseller, '0', '100000')
    const { status, body } = await raw({
      ...{ url: house.gateway.url, key: shop.key, body: chat('words') },
    })
    expect([status, JSON.parse(body)]).toMatchObject([
      402,
      { error: { code: 'insufficient_quota' } },
    ])
    expect(body).not.toContain(reseller.account)
    expect(body).not.toContain('1 credits')
    expect([await shop.balance(), await reseller.balance()]).toEqual(['100000', '1'])
  })

  test('stands still while an account above is disabled', async () => {
    const reseller = await below(top, '0', '10000', 2)
    const shop = await below(reseller, '0', '10000')
    await as(top, 'PATCH', `subaccounts/${reseller.account}`, { disabled: true })
    expect(await talk(shop)).toMatchObject({ status: 403 })
    await as(top, 'PATCH', `subaccounts/${reseller.account}`, { disabled: false })
    expect(await talk(shop)).toMatchObject({ status: 200 })
  })
})

describe('a reseller', () => {
  test('does not enable what the operator has disabled, nor make the block its own', async () => {
    const shop = await below(top, '0', '10000')
    const change = (disabled: boolean) =>
      as(top, 'PATCH', `subaccounts/${shop.account}`, { disabled })
    await change(true)
    await admin('PATCH', `accounts/${shop.account}`, { disabled: true })
    expect(await change(false)).toMatchObject({
      ...{ status: 403, json: { error: { code: 'key_not_allowed' } } },
    })
    expect(await change(true)).toMatchObject({ status: 200 })
    expect(await change(false)).toMatchObject({ status: 403 })
    expect(await talk(shop)).toMatchObject({ status: 403 })
    await admin('PATCH', `accounts/${shop.account}`, { disabled: false })
    expect(await talk(shop)).toMatchObject({ status: 200 })
  })

  test('enables what somebody of its own has disabled, however they signed in', async () => {
    const shop = await below(top, '0', '10000')
    const password = 'six different letters'
    const user = { role: 'user', account: top.account, password }
    for (const name of ['rita', 'rolf']) await admin('PUT', `users/${name}`, user)
    const change = async (username: string, disabled: boolean) => {
      const { json } = await ask('', 'POST', 'auth/login', { username, password })
      const to = `v1/subaccounts/${shop.account}`
      return (await ask(String(json['token']), 'PATCH', to, { disabled })).status
    }
    expect([await change('rita', true), await change('rita', false)]).toEqual([200, 200])
    expect([await change('rita', true), await change('rolf', false)]).toEqual([200, 200])
    await change('rita', true)
    const byKey = await as(top, 'PATCH', `subaccounts/${shop.account}`, { disabled: false })
    expect(byKey).toMatchObject({ status: 200, json: { disabled: false } })
    await admin('PATCH', `accounts/${shop.account}`, { disabled: true })
    expect(await change('rita', false)).toBe(403)
  })

  test('turns no word of its own into credit of the operator', async () => {
    const reseller = await below(top, '0', '10', 2)
    const [shop, sibling] = [await below(reseller, '0', '90000'), await below(reseller, '0', '10')]
    for (const [from, to] of [
      [shop, reseller],
      [shop, top],
      [reseller, shop],
    ] as const) {
      const transfer = { from: from.account, to: to.account, amount: '5' }
      expect(await admin('POST', 'transfers', transfer)).toMatchObject({ status: 400 })
    }
    const between = { from: shop.account, to: sibling.account, amount: '5' }
    expect(await admin('POST', 'transfers', between)).toMatchObject({ status: 201 })
    expect([await reseller.balance(), await sibling.balance()]).toEqual(['10', '15'])
  })

  test('has power over the accounts right below its own alone', async () => {
    const reseller = await below(top, '0', '100', 2)
    const shop = await below(reseller, '0', '100')
    const rival = await house.client('100')
    await admin('PATCH', `accounts/${rival.account}/place`, { sub_accounts_max: 5 })
    const attempts = [rival, top].flatMap((client) =>
      (
        [
          ['GET', ''],
          ['PATCH', '', { markup: '9' }],
          ['POST', '/credits/grant', { amount: '5' }],
          ['POST', '/credits/deduct', { amount: '5' }],
          ['GET', '/keys'],
          ['POST', '/keys', {}],
          ['DELETE', '/keys/key_x'],
        ] as const
      ).map(([method, rest, body]) =>
        as(client, method, `subaccounts/${shop.account}${rest}`, body),
      ),
    )
    for (const answer of await Promise.all(attempts))
      expect(answer).toMatchObject({ status: 404, json: { error: { code: 'not_found' } } })
    expect(await shop.balance()).toBe('100')
    const { json } = await as(rival, 'GET', 'subaccounts')
    expect(json['data']).toEqual([])
  })

  test('is made by an operator, and hands on no more room than it has', async () => {
    const nobody = await house.client('1')
    expect(await as(nobody, 'POST', 'subaccounts', { name: 'x1' })).toMatchObject({ status: 403 })
    const reseller = await below(top, '0', '1', 1)
    const greedy = { name: 'x2', sub_accounts_max: 2 }
    expect(await as(reseller, 'POST', 'subaccounts', greedy)).toMatchObject({ status: 400 })
    await below(reseller, '0', '1')
    const answer = await as(reseller, 'POST', 'subaccounts', { name: 'x3' })
    // Nothing that a retry would cure.
    expect(answer).toMatchObject({ status: 403, json: { error: { code: 'key_not_allowed' } } })
  })

  test('revokes the keys of its sub-accounts, and never sees their secrets again', async () => {
    const shop = await below(top, '0', '10000')
    const { json } = await as(top, 'GET', `subaccounts/${shop.account}/keys`)
    expect(JSON.stringify(json)).not.toContain(shop.key)
    const [{ id }] = json['data'] as [{ id: string }]
    await as(top, 'DELETE', `subaccounts/${shop.account}/keys/${id}`)
    expect(await talk(shop)).toMatchObject({ status: 401 })
  })

  test('hears what is wrong with what it sends', async () => {
    const wrong = [
      ['POST', 'subaccounts', { name: 'y', markup: '-0.1' }, 'markup'],
      ['POST', 'subaccounts', { name: 'y', markup: '0.0000001' }, 'markup'],
      ['POST', 'subaccounts', { name: 'a b' }, 'name'],
      ['POST', 'subaccounts', { name: top.account }, 'name'],
      ['POST', 'subaccounts', { name: 'y', parent: 'other' }, 'parent'],
      ['POST', 'subaccounts', { name: 'y', balance: '5' }, 'balance'],
    ] as const
    for (const [method, to, body, param] of wrong)
      expect(await as(top, method, to, body)).toMatchObject({
        status: 400,
        json: { error: { param } },
      })
  })
})

/** The last, as the address is another one afterwards. */
describe('a cap', () => {
  test('of a reseller is below the operator’s, and never above it, also after a restart', async () => {
    const shop = await below(top, '0', '100000')
    const capped = (cap: string | null) => as(top, 'PATCH', `subaccounts/${shop.account}`, { cap })
    const operator = (cap: string | null) =>
      admin('PATCH', `accounts/${shop.account}/place`, { cap })
    const is = (cap: string | null) => ({ status: 200, json: { cap } })
    expect(await capped('900')).toMatchObject(is('900'))
    expect(await operator('500')).toMatchObject(is('500'))
    const refused = { status: 400, json: { error: { code: 'invalid_request', param: 'cap' } } }
    expect(await capped('500.000001')).toMatchObject(refused)
    expect(await capped('300')).toMatchObject(is('300'))
    expect(await capped('500')).toMatchObject(is('500'))
    expect(await capped('300')).toMatchObject(is('300'))
    // Its own is lifted, and the operator's stays.
    expect(await capped(null)).toMatchObject(is('500'))
    await house.gateway.stop()
    house = { ...house, gateway: await house.gateway.restart() }
    expect(await capped('501')).toMatchObject(refused)
    expect(await capped(null)).toMatchObject(is('500'))
    expect(await operator(null)).toMatchObject(is(null))
    expect(await capped('900')).toMatchObject(is('900'))
    expect(await capped(null)).toMatchObject(is(null))
  })
})
