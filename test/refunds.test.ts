// What a refund means for caps on spending: of the key, of the account, and of the accounts above it.
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { planted } from './support/planted.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'
import { runScript } from './support/script.ts'
import { sealSegments } from './support/seal-segments.ts'

const DAY_MS = 86_400_000

let house: House
beforeAll(async () => {
  const models = { words: ['answer?chunks=2'] }
  house = await openHouse(models, '', planted(`clock:${DAY_MS}`))
})
afterAll(async () => {
  await house.gateway.stop() // the one that was started again
  await house.close()
})

async function admin<T>(method: string, path: string, body?: object): Promise<T> {
  const { url, adminKey: key } = house.gateway
  const headers = { 'idempotency-key': randomUUID() }
  const asked = { url, key, method, path, headers }
  const answer = await raw({ ...asked, ...(body && { body: JSON.stringify(body) }) })
  expect(answer.status, answer.body).toBeLessThan(300)
  return JSON.parse(answer.body) as T
}

type Caps = Readonly<{ spend_per_day: number; spend_per_month?: number }>

async function keyOf(account: string, limits: Caps, parent?: string): Promise<string> {
  const { key } = await admin<{ key: string }>('POST', '/admin/keys', { type: 'user', account })
  await admin('PATCH', `/admin/accounts/${account}`, { limits })
  const place = { sub_accounts_max: 5, ...(parent && { parent, markup: '1' }) }
  await admin('PATCH', `/admin/accounts/${account}/place`, place)
  const amount = '1000000'
  await admin('POST', `/admin/accounts/${account}/credits/grant`, { amount, reason: 'test' })
  return key
}

const ask = (key: string): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, body: chat('words', { max_tokens: 20 }) })

const refund = (request: unknown, amount?: string): Promise<unknown> =>
  admin('POST', refundOf(request), { reason: 'test', ...(amount && { amount }) })
const refundOf = (request: unknown): string => `/admin/requests/${String(request)}/refund`

type Stand = Readonly<{ used: string; remaining: string }>
type Limits = Readonly<Record<string, Stand | undefined>>
type OfKey = Readonly<{
  limits: Limits
  account: Readonly<{ limits: Limits }>
  above: readonly Readonly<{ limits: Limits }>[]
}>

/** What is used of a cap: by the key, by its account, and by those above. */
async function used(id: string, cap = 'spend_per_day'): Promise<number[]> {
  const { limits, account, above } = await admin<OfKey>('GET', `/admin/keys/${id}/limits`)
  return [limits, ...[account, ...above].map((one) => one.limits)].map((one) =>
    Number(one[cap]?.used),
  )
}

const idOf = async (account: string): Promise<string> => {
  const { data } = await admin<{ data: { id: string }[] }>('GET', `/admin/keys?account=${account}`)
  return data[0]?.id ?? ''
}

const restart = async (): Promise<void> => {
  const stopped = house.gateway
  await stopped.stop()
  house = { ...house, gateway: await stopped.restart() }
}

test('what is refunded of a charge may be spent again, by all who had paid it, and stays so over a restart', async () => {
  await keyOf('top', { spend_per_day: 100_000, spend_per_month: 100_000 })
  const key = await keyOf('shop', { spend_per_day: 90_000 }, 'top')
  const id = await idOf('shop')
  const first = await ask(key)
  const cost = Number(first.headers['x-tollgate-cost'])
  await admin('PATCH', `/admin/keys/${id}`, { limits: { spend_per_day: cost + 1 } })
  expect(await used(id)).toEqual([cost, cost, cost / 2])
  expect((await ask(key)).status).toBe(429)
  await refund(first.headers['x-request-id'], '10')
  expect(await used(id)).toEqual([cost - 10, cost - 10, cost / 2 - 5])
  expect(await used(id, 'spend_per_month')).toEqual([NaN, NaN, cost / 2 - 5])
  await restart()
  expect(await used(id)).toEqual([cost - 10, cost - 10, cost / 2 - 5])
  await runScript(
    'tollgate',
    ['credits', 'refund', String(first.headers['x-request-id']), '--yes'],
    house.gateway,
  )
  expect(await used(id)).toEqual([0, 0, 0])
  await admin('PATCH', `/admin/keys/${id}`, { limits: { spend_per_day: 2000 } })
  expect((await ask(key)).status).toBe(200)
  expect(await used(id)).toEqual([cost, cost, cost / 2])
}, 60_000)

test('a hundred refunds at once, of whole charges and of parts, give back what was paid and no more', async () => {
  const key = await keyOf('crowd', { spend_per_day: 1_000_000 })
  const id = await idOf('crowd')
  await admin('PATCH', `/admin/keys/${id}`, { limits: { spend_per_month: 1_000_000 } })
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(key)))
  const cost = Number(answers[0]?.headers['x-tollgate-cost'])
  const { url, adminKey } = house.gateway
  const wishes = answers.slice(1).flatMap(({ headers }) =>
    [undefined, '1', '2', '1', undefined].map((amount) => ({
      path: refundOf(headers['x-request-id']),
      body: JSON.stringify({ reason: 'test', ...(amount && { amount }) }),
    })),
  )
  const given = await Promise.all(
    wishes.map((wish) =>
      raw({
        ...{ url, key: adminKey, ...wish },
        headers: { 'idempotency-key': randomUUID() },
      }),
    ),
  )
  expect(given.filter(({ status }) => status < 300).length).toBeGreaterThanOrEqual(19)
  const expected = [NaN, cost]
  expect(await used(id)).toEqual(expected)
  expect(await used(id, 'spend_per_month')).toEqual([cost, NaN])
  await restart()
  expect(await used(id)).toEqual(expected)
}, 60_000)

test('without a server a refund waits until the past is added up, and so do limits that are looked at', async () => {
  const key = await keyOf('old', { spend_per_day: 90_000 })
  const answer = await ask(key)
  const cost = Number(answer.headers['x-tollgate-cost'])
  const stopped = house.gateway
  await stopped.stop()
  const db = path.join(stopped.dir, 'db')
  await sealSegments(db, 'old')
  fs.rmSync(path.join(db, 'usage'), { recursive: true })
  const shown = await runScript('tollgate', ['limits', 'show', 'old'], stopped)
  expect(shown.stdout).toMatch(new RegExp(`account +old +spend_per_day +90000 +${cost} `))
  fs.rmSync(path.join(db, 'usage'), { recursive: true })
  const request = String(answer.headers['x-request-id'])
  const args = ['credits', 'refund', request, '10', '--yes', '--json']
  const refunded = await runScript('tollgate', args, stopped)
  expect(refunded).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(refunded.stdout)).toMatchObject({
    kind: 'refund',
    amount: '10',
    account: 'old',
  })
  house = { ...house, gateway: await stopped.restart() }
  expect(await used(await idOf('old'))).toEqual([NaN, cost - 10])
}, 60_000)

test('the refund of a charge of yesterday frees nothing of today', async () => {
  const key = await keyOf('late', { spend_per_day: 90_000 })
  const id = await idOf('late')
  const yesterday = await ask(key)
  const cost = Number(yesterday.headers['x-tollgate-cost'])
  const before = house.gateway.output().split('the clock was set').length
  house.gateway.process.kill('SIGUSR2')
  await expect
    .poll(() => house.gateway.output().split('the clock was set').length, { timeout: 20_000 })
    .toBeGreaterThan(before)
  expect((await ask(key)).status).toBe(200)
  expect(await used(id)).toEqual([NaN, cost])
  await refund(yesterday.headers['x-request-id'])
  expect(await used(id)).toEqual([NaN, cost])
})
