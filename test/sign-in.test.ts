import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GatewayProcess } from './support/gateway-process.ts'
import { openHouse, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'
import { filesIn } from './support/secrets.ts'

const PASSWORD = 'correct-horse-canary-7'
let house: House
let gateway: GatewayProcess
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'] })
  gateway = house.gateway
  await gateway.user('acme', '100000')
  await put('anna', { role: 'user', account: 'acme', password: PASSWORD })
  await put('olga', { role: 'owner', password: PASSWORD })
})
afterAll(async () => {
  await gateway.stop()
  await house.close()
})

type Json = Readonly<Record<string, unknown>>
const ask = async (method: string, to: string, body?: object, key?: string) => {
  const answer = await raw({
    ...{ url: gateway.url, method, path: to, ...(key !== undefined && { key }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { ...answer, json: JSON.parse(answer.body) as Json }
}
const put = (name: string, body: object, key = gateway.adminKey) =>
  ask('PUT', `/admin/users/${name}`, body, key)
const login = (username: string, password = PASSWORD) =>
  ask('POST', '/auth/login', { username, password })
const tokenOf = async (name: string) => String((await login(name)).json['token'])
const spend = async (key: string) => raw({ url: gateway.url, key, body: chat('words') })

describe('a user', () => {
  test('signs in, spends their account’s credit, and sees it', async () => {
    const { status, json } = await login('anna')
    expect([status, json['user'], json['roles']]).toEqual([200, 'anna', ['user']])
    const token = String(json['token'])
    expect((await spend(token)).status).toBe(200)
    expect((await ask('GET', '/v1/account', undefined, token)).json['account']).toBe('acme')
    const usage = await ask('GET', '/v1/usage?group_by=key', undefined, token)
    expect(usage.json['data']).toMatchObject([{ key: 'user:anna', requests: 1 }])
    expect((await ask('GET', '/admin/accounts', undefined, token)).status).toBe(403)
  })

  test('who signs in is in the audit trail, and who tries to is not', async () => {
    const begun = async () => {
      const { json } = await ask(
        'GET',
        '/admin/audit?kind=session-begun',
        undefined,
        gateway.adminKey,
      )
      return json['data'] as Json[]
    }
    const { json } = await login('olga')
    await login('olga', 'wrong')
    const trail = await begun()
    expect(trail[0]).toMatchObject({ by: 'user:olga', until: json['expires_at'] })
    await ask('POST', '/auth/session', undefined, gateway.adminKey)
    expect((await begun()).map(({ by }) => by)).toEqual(['master', ...trail.map(({ by }) => by)])
  })

  test('who signs out is out at once, also for requests that cost', async () => {
    const token = await tokenOf('anna')
    expect((await spend(token)).status).toBe(200)
    expect((await ask('POST', '/auth/logout', undefined, token)).status).toBe(200)
    expect((await spend(token)).status).toBe(401)
    expect((await ask('GET', '/auth/validate', undefined, token)).status).toBe(401)
  })

  test('whose password is changed or who is removed is out at once', async () => {
    await put('paul', { role: 'user', account: 'acme', password: PASSWORD })
    const token = await tokenOf('paul')
    await put('paul', { role: 'user', account: 'acme', password: `${PASSWORD}-new` })
    expect((await spend(token)).status).toBe(401)
    expect((await login('paul')).status).toBe(401)
    const { json } = await login('paul', `${PASSWORD}-new`)
    await ask('DELETE', '/admin/users/paul', undefined, gateway.adminKey)
    expect((await spend(String(json['token']))).status).toBe(401)
  })

  test('is answered alike whether the name or the password is wrong', async () => {
    const answers = [await login('anna', 'wrong'), await login('nobody')]
    expect(
      new Set(answers.map(({ status, json }) => JSON.stringify([status, json['error']]))).size,
    ).toBe(1)
    expect(answers[0]?.status).toBe(401)
  })

  test('has no password that anybody else chose', async () => {
    for (const [name, password] of [
      ['admin', 'admin'],
      ['owner', 'change_this_password'],
      ['root', 'password'],
      ['operator', 'operator'],
    ])
      expect((await login(String(name), password)).status).toBe(401)
  })
})

describe('an owner', () => {
  test('acts by a session, and the books name them', async () => {
    const token = await tokenOf('olga')
    const wish = { type: 'user', account: 'acme' }
    expect((await ask('POST', '/admin/keys', wish, token)).status).toBe(201)
    const trail = await ask('GET', '/admin/audit?by=user:olga', undefined, token)
    const [newest] = trail.json['data'] as Json[]
    expect(newest).toMatchObject({ kind: 'key', account: 'acme', by: 'user:olga' })
    expect((await spend(token)).status).toBe(403)
  })

  test.each([
    [{ role: 'user', account: 'acme', password: 'short' }, 'password'],
    [{ role: 'user', account: 'acme', password: 'aaaaaaaaaaaaaaaa' }, 'password'],
    [{ role: 'user', account: 'acme', password: 'my-name-is-quentin' }, 'password'],
    [{ role: 'user', password: PASSWORD }, 'account'],
    [{ role: 'admin', account: 'acme', password: PASSWORD }, 'account'],
    [{ role: 'king', password: PASSWORD }, 'role'],
    [{ role: 'owner', password: PASSWORD, hash: 'x' }, 'hash'],
  ])('does not make a user of %j', async (body, param) => {
    const { status, json } = await put('quentin', body)
    expect([status, (json['error'] as Json)['param']]).toEqual([400, param])
  })
})

test('a proxy asks who a credential belongs to, however it is sent', async () => {
  const token = await tokenOf('anna')
  for (const headers of [
    { authorization: `Bearer ${token}` },
    { 'x-api-key': token },
    { 'api-key': token },
    { 'x-goog-api-key': token },
  ]) {
    const answer = await raw({ url: gateway.url, method: 'GET', path: '/auth/validate', headers })
    expect(answer.status).toBe(200)
    expect([answer.headers['x-user-id'], answer.headers['x-user-role']]).toEqual([
      ...['user:anna', 'user'],
    ])
  }
  for (const key of ['', 'wrong', `${token}x`, token.slice(0, -3)])
    expect((await ask('GET', '/auth/validate', undefined, key)).status).toBe(401)
})

test('whoever is no proxy of ours cannot say that they came by TLS', async () => {
  const headers = { 'x-forwarded-proto': 'https' }
  const answer = await raw({ url: gateway.url, method: 'GET', path: '/health', headers })
  expect(answer.status).toBe(200)
  expect(answer.headers['strict-transport-security']).toBeUndefined()
})

test('users and ended sessions are the same after a restart, and no password is in any file', async () => {
  const ended = await tokenOf('anna')
  await ask('POST', '/auth/logout', undefined, ended)
  await gateway.stop()
  gateway = await gateway.restart()
  expect((await login('anna')).status).toBe(200)
  expect((await ask('GET', '/auth/validate', undefined, ended)).status).toBe(401)
  const files = filesIn(gateway.dir)
  expect(files.length).toBeGreaterThan(3)
  for (const [name, text] of files)
    expect(text.includes(PASSWORD) || text.includes(ended), name).toBe(false)
  expect(gateway.output()).not.toContain(PASSWORD)
})
