// Two resellers side by side: nothing of one is to be had through any route of the other, nor to be known of.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Route } from '../src/http/route.ts'
import { ROUTES } from '../src/http/routes/routes.ts'
import { openHouse, type House } from './support/house.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

let house: House
/** What each of them has, by what it is. */
type Things = Readonly<
  Record<
    'key' | 'keyId' | 'account' | 'sub' | 'subKey' | 'subKeyId' | 'request' | 'subRequest',
    string
  >
>
let anna: Things
let bob: Things
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=2'] })
  ;[anna, bob] = [await resellerOf('anna'), await resellerOf('bob')]
})
afterAll(() => house.close())

type Made = { key: string; keyId: string }
const send = (key: string, method: string, path: string, body?: object): Promise<RawAnswer> =>
  raw({
    ...{ url: house.gateway.url, key, method, path },
    headers: { 'idempotency-key': randomUUID() },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
async function done<T = unknown>(...wish: Parameters<typeof send>): Promise<T> {
  const { status, body } = await send(...wish)
  expect(status, body).toBeLessThan(300)
  return JSON.parse(body) as T
}
const requestOf = async (key: string): Promise<string> => {
  const answer = await raw({ url: house.gateway.url, key, body: chat('words') })
  expect(answer.status, answer.body).toBe(200)
  return String(answer.headers['x-request-id'])
}

async function resellerOf(account: string): Promise<Things> {
  const { adminKey } = house.gateway
  const wish = { type: 'user', account, credits: '1000000' }
  const { key, keyId } = await done<Made>(adminKey, 'POST', '/admin/keys', wish)
  await done(adminKey, 'PATCH', `/admin/accounts/${account}/place`, { sub_accounts_max: 5 })
  const sub = `${account}-sub`
  await done(key, 'POST', '/v1/subaccounts', { name: sub })
  await done(key, 'POST', `/v1/subaccounts/${sub}/credits/grant`, { amount: '5000' })
  const subs = await done<{ key: string; id: string }>(
    key,
    'POST',
    `/v1/subaccounts/${sub}/keys`,
    {},
  )
  const [request, subRequest] = [await requestOf(key), await requestOf(subs.key)]
  return { key, keyId, account, sub, subKey: subs.key, subKeyId: subs.id, request, subRequest }
}

/** All ways to fill in the names of a path in which at least one is of somebody else's. */
function swapsOf({ path }: Route, mine: Things, theirs: Things): string[] {
  const { key: _key, subKey: _subKey, ...others } = theirs
  const foreign = Object.values(others)
  const own = [mine.sub, mine.account]
  const names = [...path.matchAll(/\{\w+\*?\}/g)].map(([name]) => name)
  let filled: { path: string; isSwapped: boolean }[] = [{ path, isSwapped: false }]
  for (const name of names)
    filled = filled.flatMap((one) => [
      ...foreign.map((value) => ({ path: one.path.replace(name, value), isSwapped: true })),
      ...own.map((value) => ({ path: one.path.replace(name, value), isSwapped: one.isSwapped })),
    ])
  return filled.filter(({ isSwapped }) => isSwapped).map((one) => one.path)
}

/** Bodies that would do something, were it allowed. */
const BODIES = [
  {},
  { markup: '9' },
  { amount: '5' },
  { disabled: true },
  { name: 'x' },
  { cap: '1' },
]

/** All that anybody can see of one of them. */
const stateOf = async ({ key, sub, subKey }: Things): Promise<string> => {
  const paths = ['account', 'subaccounts', `subaccounts/${sub}`, `subaccounts/${sub}/keys`]
  const own = await Promise.all(paths.map((path) => send(key, 'GET', `/v1/${path}`)))
  const below = await send(subKey, 'GET', '/v1/account')
  return [...own, below].map(({ status, body }) => `${status} ${body}`).join('\n')
}

const named = ROUTES.filter(({ access, path }) => access === 'user' && path.includes('{'))

describe.each(named.map((one): [string, Route] => [`${one.method} ${one.path}`, one]))(
  '%s',
  (_, route) => {
    const { method } = route
    const bodies = method === 'GET' || method === 'DELETE' ? [undefined] : BODIES

    test('answers for a thing of somebody else as for one that is nowhere', async () => {
      const before = await stateOf(bob)
      // A reseller, one below another reseller, and somebody's own sub-account try all of it.
      for (const key of [anna.key, anna.subKey])
        for (const path of swapsOf(route, anna, bob))
          for (const body of bodies) {
            const answer = await send(key, method, path, body)
            const wish = `${method} ${path} ${JSON.stringify(body)}: ${answer.body}`
            expect([400, 403, 404], wish).toContain(answer.status)
            const names = Object.values(bob).sort((a, b) => b.length - a.length)
            const nowhere = names.reduce(
              (text, name) => text.replaceAll(name, 'x'.repeat(name.length)),
              path,
            )
            const other = await send(key, method, nowhere, body)
            expect(shape(answer, path), wish).toEqual(shape(other, nowhere))
          }
      expect(await stateOf(bob)).toBe(before)
    })
  },
)

/** Without what was asked for, said back. */
const shape = ({ status, body }: RawAnswer, path: string) => {
  const words = path.split('/').slice(3)
  const text = words.reduce((rest, word) => rest.replaceAll(word, 'IT'), body)
  return [status, text.replace(/req_\w+/g, 'ID')]
}

test('what somebody asks for by name in a list is theirs, or nothing', async () => {
  for (const query of [`key=${bob.keyId}`, `key=${bob.subKeyId}`]) {
    const { body } = await send(anna.key, 'GET', `/v1/usage?group_by=key&${query}`)
    expect(JSON.parse(body)).toMatchObject({ data: [] })
  }
  for (const query of [`account=${bob.account}`, `account=${bob.sub}`, `sub_account=${bob.sub}`]) {
    const { status, body } = await send(anna.key, 'GET', `/v1/usage?${query}`)
    if (status === 200) expect(JSON.parse(body)).toMatchObject({ data: [] })
    else expect([400, 404]).toContain(status)
  }
})

test('a sub-account is named by its reseller alone, whatever stands in a body', async () => {
  const before = await stateOf(bob)
  for (const body of [
    { name: bob.sub },
    { name: bob.account },
    { name: 'stolen', parent: bob.account },
    { name: 'stolen', account: bob.account },
  ])
    expect((await send(anna.key, 'POST', '/v1/subaccounts', body)).status).toBe(400)
  expect(await stateOf(bob)).toBe(before)
})
