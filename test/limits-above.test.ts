// What limits of a reseller mean for the accounts below it: over real HTTP, many at a time.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { runScript } from './support/script.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

const TIERS = `tiers:
  free: { requests_per_minute: 0 }
  minute: { requests_per_minute: 7 }
  day: { requests_per_minute: 0, requests_per_day: 5 }
  tokens: { requests_per_minute: 0, tokens_per_minute: 1000 }
  spend: { requests_per_minute: 0, spend_per_day: 2000 }
  few: { requests_per_minute: 0, concurrent_requests: 4 }
limits: { key_in_flight_max: 0, account_in_flight_max: 0 }
`
const MODELS = {
  ...{ slow: ['answer?delay=600&chunks=2'], words: ['answer?chunks=2'] },
  patient: ['answer?delay=7000&chunks=2'],
}

let house: House
beforeAll(async () => {
  house = await openHouse(MODELS, TIERS)
})
afterAll(async () => {
  await house.gateway.stop() // the one that was started again
  await house.close()
})

async function admin<T>(method: string, path: string, body: object): Promise<T> {
  const { url, adminKey: key } = house.gateway
  const headers = { 'idempotency-key': randomUUID() }
  const answer = await raw({ url, key, method, path, headers, body: JSON.stringify(body) })
  expect(answer.status, answer.body).toBeLessThan(300)
  return JSON.parse(answer.body) as T
}

let chains = 0
/** A reseller of this tier; left and right buy of it, and a shop buys of left at twice the price. Its keys, with the reseller's first. */
async function chainOf(tier: string): Promise<string[]> {
  const name = `${tier}${chains++}`
  const top = await keyOf(name, { tier })
  const left = await keyOf(`${name}-left`, { parent: name })
  const right = await keyOf(`${name}-right`, { parent: name, markup: '0.3' })
  const shop = await keyOf(`${name}-shop`, { parent: `${name}-left`, markup: '1' })
  return [top, left, right, shop]
}

type Wish = Readonly<{ tier?: string; parent?: string; markup?: string }>

async function keyOf(account: string, { tier = 'free', parent, markup }: Wish): Promise<string> {
  const wish = { type: 'user', account, tier }
  const { key } = await admin<{ key: string }>('POST', '/admin/keys', wish)
  const place = { parent, markup, sub_accounts_max: 5 }
  if (parent !== undefined) await admin('PATCH', `/admin/accounts/${account}/place`, place)
  const amount = '1000000'
  await admin('POST', `/admin/accounts/${account}/credits/grant`, { amount, reason: 'test' })
  return key
}

const ask = (key: string, model = 'words', more: object = {}): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, body: chat(model, more) })

const many = (keys: readonly string[], model = 'words'): Promise<RawAnswer[]> =>
  Promise.all(Array.from({ length: 200 }, (_, at) => ask(keys[at % keys.length] ?? '', model)))

const passed = (answers: readonly RawAnswer[]) => answers.filter(({ status }) => status === 200)
const refused = (answers: readonly RawAnswer[]) => answers.filter(({ status }) => status !== 200)

type Told = { limits: Record<string, { limit: string | number; remaining: string | number }> }
async function told(key: string): Promise<Told & { credits: { balance: string } }> {
  const { body } = await raw({ url: house.gateway.url, key, method: 'GET', path: '/v1/account' })
  return JSON.parse(body) as Told & { credits: { balance: string } }
}

test('of 200 requests at once through all accounts below a reseller exactly as many pass as it may make a minute', async () => {
  const [top = '', ...below] = await chainOf('minute')
  const [other = ''] = await chainOf('minute')
  const answers = await many(below)
  expect(passed(answers)).toHaveLength(7)
  expect((await ask(top)).body).toContain('Your account may make 7 requests a minute.')
  expect((await ask(other)).status).toBe(200)
})

test('the refusal says when to come back, and nothing of whose limit it is', async () => {
  const [top = '', , , shop = ''] = await chainOf('minute')
  await many([top])
  const { status, headers, body } = await ask(shop)
  expect(status).toBe(429)
  expect(JSON.parse(body)).toMatchObject({
    error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  })
  expect(body).toMatch(/Whoever gave you your key .* Try again in [0-9a-z]+\./)
  expect(body).not.toContain('minute')
  expect(body).not.toContain('7')
  expect(Number(headers['retry-after-ms'])).toBeGreaterThan(30_000)
  expect(Object.keys(headers).join()).not.toContain('ratelimit')
  expect((await told(shop)).limits).toEqual({})
})

test('tokens of all accounts below a reseller are counted at their most, and then as they were', async () => {
  const [top = '', ...below] = await chainOf('tokens')
  const before = await ask(top)
  const most = 1000 - Number(before.headers['x-ratelimit-remaining-tokens'])
  const used = (JSON.parse(before.body) as { usage: { total_tokens: number } }).usage.total_tokens
  const answers = await many(below, 'slow')
  expect(passed(answers)).toHaveLength(Math.floor((1000 - used) / most))
  const after = await ask(top)
  const left = 1000 - used * (passed(answers).length + 1) - most
  expect(after.headers['x-ratelimit-remaining-tokens']).toBe(String(left))
  const large = await ask(below[0] ?? '', 'words', { max_tokens: 2000 })
  expect(large).toMatchObject({ status: 429, headers: { 'x-should-retry': 'false' } })
  expect(large.body).toContain('Send a shorter one')
})

test('what a reseller pays for those below it never comes to more than it may spend, at its own price', async () => {
  const [top = '', , ...dearer] = await chainOf('spend')
  const answers = await many(dearer, 'slow')
  expect(passed(answers)).toHaveLength(2)
  for (const { headers } of refused(answers)) expect(headers['retry-after']).toBe('1')
  const { limits, credits } = await told(top)
  const spent = 1_000_000 - Number(credits.balance)
  expect(spent).toBeGreaterThan(0)
  expect(limits['spend_per_day']).toMatchObject({ remaining: String(2000 - spent) })
})

test('so many requests at a time as a reseller may have are shared by all below it', async () => {
  const [top = '', ...below] = await chainOf('few')
  const answers = await many(below, 'slow')
  expect(passed(answers)).toHaveLength(4)
  expect(refused(answers)[0]?.body).toContain('Whoever gave you your key')
  expect(passed(await many([top, ...below], 'slow'))).toHaveLength(4)
})

test('a reseller in the middle of a chain is limited by itself, and a limit that changes counts what was', async () => {
  const [top = '', left = '', right = '', shop = ''] = await chainOf('free')
  const name = `free${chains - 1}`
  const limit = (account: string, requests: number) =>
    admin('PATCH', `/admin/accounts/${account}`, { limits: { requests_per_minute: requests } })
  await limit(`${name}-left`, 3)
  await limit(name, 100)
  expect(passed(await many([shop]))).toHaveLength(3)
  expect(refused(await many([left]))).toHaveLength(200)
  expect((await ask(right)).status).toBe(200)
  await limit(name, 6) // four of them are gone
  expect(passed(await many([right, top]))).toHaveLength(2)
  await limit(`${name}-left`, 4)
  expect(refused(await many([shop]))).toHaveLength(200)
  await limit(name, 0)
  expect(passed(await many([shop]))).toHaveLength(1)
})

type Stand = Readonly<{ limit: number | string; used: number | string; remaining: number | string }>
type Limits = Readonly<Record<string, Stand & Readonly<{ resets_at?: string }>>>
type OfAccount = Readonly<{ account: string; tier: string; limits: Limits }>

async function seen<T>(path: string): Promise<T> {
  const { url, adminKey: key } = house.gateway
  const answer = await raw({ url, key, method: 'GET', path })
  expect(answer.status, answer.body).toBe(200)
  return JSON.parse(answer.body) as T
}

const shown = async (...args: string[]) => {
  const { stdout, stderr } = await runScript('tollgate', ['limits', 'show', ...args], house.gateway)
  expect(stderr).toBe('')
  return stdout
}

test('operators see what was used of each limit of a key, its account and those above, and what is left', async () => {
  const [top = '', left = '', , shop = ''] = await chainOf('day')
  const name = `day${chains - 1}`
  type Keys = { data: { id: string }[] }
  const { data } = await seen<Keys>(`/admin/keys?account=${name}-shop`)
  const id = data[0]?.id ?? ''
  const own = { tokens_per_minute: 50_000, spend_per_month: '70000.5' }
  await admin('PATCH', `/admin/keys/${id}`, { limits: own })
  await admin('PATCH', `/admin/accounts/${name}-shop`, { limits: { concurrent_requests: 3 } })
  const answers = [await ask(shop), await ask(shop)]
  for (const key of [left, top]) expect((await ask(key)).status).toBe(200)
  const bodies = answers.map(({ body }) => JSON.parse(body) as { usage: { total_tokens: number } })
  const tokens = bodies.reduce((sum, { usage }) => sum + usage.total_tokens, 0)
  const cost = answers.reduce((sum, { headers }) => sum + Number(headers['x-tollgate-cost']), 0)
  type OfKey = Readonly<{ limits: Limits; account: OfAccount; above: OfAccount[] }>
  const ofKey = () => seen<OfKey>(`/admin/keys/${id}/limits`)
  const spend = { limit: '70000.5', used: String(cost), remaining: String(70_000.5 - cost) }
  const stands = {
    tokens_per_minute: { limit: 50_000, used: tokens, remaining: 50_000 - tokens },
    spend_per_month: spend,
  }
  const room = { limit: 3, used: 0, remaining: 3 }
  expect(await ofKey()).toMatchObject({
    limits: stands,
    account: { account: `${name}-shop`, tier: 'free', limits: { concurrent_requests: room } },
    above: [
      { account: `${name}-left`, tier: 'free', limits: {} },
      { account: name, limits: { requests_per_day: { limit: 5, used: 4, remaining: 1 } } },
    ],
  })
  const { limits } = await ofKey()
  expect(Date.parse(limits['tokens_per_minute']?.resets_at ?? '')).toBeGreaterThan(Date.now())
  expect(await told(shop)).toMatchObject({
    limits: { concurrent_requests: room },
    key: { limits: stands },
  })
  await admin('PATCH', `/admin/accounts/${name}`, { limits: { requests_per_day: 3 } })
  const above = await seen<OfAccount & { above: OfAccount[] }>(
    `/admin/accounts/${name}-shop/limits`,
  )
  expect(above.above[1]?.limits).toMatchObject({
    requests_per_day: { limit: 3, used: 4, remaining: 0 },
  })
  await admin('PATCH', `/admin/accounts/${name}`, { limits: { requests_per_day: 5 } })
  const atOnce = async () => (await ofKey()).account.limits['concurrent_requests']
  const caller = new AbortController()
  const running = fetch(`${house.gateway.url}/v1/chat/completions`, {
    ...{ method: 'POST', signal: caller.signal, body: chat('patient') },
    headers: { authorization: `Bearer ${shop}`, 'content-type': 'application/json' },
  })
  await expect.poll(atOnce).toMatchObject({ used: 1, remaining: 2 })
  expect((await ofKey()).above[1]?.limits['requests_per_day']).toMatchObject({ used: 5 })
  expect(Number((await ofKey()).limits['spend_per_month']?.used)).toBeGreaterThan(cost)
  caller.abort()
  await expect(running).rejects.toThrow()
  await expect.poll(atOnce).toMatchObject(room)
  const json = JSON.parse(await shown(`${name}-shop`, '--json')) as {
    keys: unknown
    above: unknown
  }
  const now = await ofKey()
  expect(json.keys).toMatchObject([
    { key: id, limits: { spend_per_month: now.limits['spend_per_month'] ?? {} } },
  ])
  expect(await shown(`${name}-shop`)).toMatch(
    new RegExp(`above +${name} +requests_per_day +5 +5 +0 +\\d{4}-`),
  )
  await house.gateway.stop()
  const alone = await shown(`${name}-shop`, '--key', id)
  house = { ...house, gateway: await house.gateway.restart() }
  expect(alone).toMatch(new RegExp(`above +${name} +requests_per_day +5 +5 +0 `))
  expect(alone).toContain(String(now.limits['spend_per_month']?.used))
})

test('a restart forgets neither what a reseller spent on those below it nor how many requests they made in a day', async () => {
  const [top = '', ...below] = await chainOf('day')
  const [rich = '', ...others] = await chainOf('spend')
  for (const key of [...below, ...others, top, rich]) expect((await ask(key)).status).toBe(200)
  const before = await told(rich)
  const stopped = house.gateway
  await stopped.stop()
  house = { ...house, gateway: await stopped.restart() }
  expect(passed(await many(below))).toHaveLength(1)
  expect((await told(top)).limits['requests_per_day']).toMatchObject({ remaining: 0 })
  expect((await told(rich)).limits['spend_per_day']?.remaining).toBe(
    before.limits['spend_per_day']?.remaining,
  )
})
