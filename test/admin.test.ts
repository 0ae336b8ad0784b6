import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import type { GatewayProcess } from './support/gateway-process.ts'
import { undocumented } from './support/documented.ts'
import { openHouse, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'
import { runScript } from './support/script.ts'

let house: House
let gateway: GatewayProcess
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'], more: ['answer?chunks=5'] })
  gateway = house.gateway
})
afterAll(async () => {
  await gateway.stop()
  await house.close()
})

type Json = Readonly<Record<string, unknown>>
type Told = Readonly<{ status: number; body: Json }>

const ask = async (method: string, to: string, body?: object, key = gateway.adminKey) => {
  const answer = await raw({
    ...{ url: gateway.url, key, method, path: to },
    headers: { 'idempotency-key': randomUUID() },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect(undocumented(method, to, answer)).toEqual([])
  return { status: answer.status, body: JSON.parse(answer.body) as Json } satisfies Told
}
const errorOf = ({ status, body }: Told) => {
  const { code, param } = body['error'] as { code: string; param: string | null }
  return [status, code, param]
}
const spend = async (key: string, model = 'words') =>
  (await raw({ url: gateway.url, key, body: chat(model) })).status

describe('an account', () => {
  test('is opened without credit, shown, changed, and found', async () => {
    const settings = {
      tier: 'free',
      time_zone: 'Europe/Berlin',
      note: 'pays late',
      low_credit: '5',
    }
    const opened = await ask('POST', '/admin/accounts', { account: 'carl', ...settings })
    expect(opened).toMatchObject({ status: 201, body: { account: 'carl', ...settings } })
    const limits = { requests_per_day: 7, spend_per_month: '12.5' }
    await ask('PATCH', '/admin/accounts/carl', { limits })
    const shown = (await ask('GET', '/admin/accounts/carl')).body
    const credits = { balance: '0', held: '0' }
    expect(shown).toMatchObject({ ...settings, limits, credits, disabled: false })
    const low = (await ask('GET', '/admin/accounts?low=true')).body
    expect(low['data']).toEqual([shown])
    expect((await ask('GET', '/admin/accounts?begins=ca&tier=none')).body['data']).toEqual([])
  })

  test.each([
    [{ account: 'carl' }, 'account'],
    [{ account: 'operator' }, 'account'],
    [{ account: 'a b' }, 'account'],
    [{}, 'account'],
    [{ account: 'x', tier: 'gold' }, 'tier'],
    [{ account: 'x', balance: '100' }, 'balance'],
    [{ account: 'x', credits: '100' }, 'credits'],
    [{ account: 'x', limits: { requests_per_day: -1 } }, 'limits.requests_per_day'],
    [{ account: 'x', limits: { lunch: 1 } }, 'limits.lunch'],
    [{ account: 'x', disabled: 'no' }, 'disabled'],
    [{ account: 'x', note: 'two\nlines' }, 'note'],
  ])('%j is not opened', async (body, param) => {
    expect(errorOf(await ask('POST', '/admin/accounts', body))).toEqual([
      ...[400, 'invalid_request', param],
    ])
  })

  test('that is disabled spends nothing from that moment on, and again once it is enabled', async () => {
    const { key } = await gateway.user('dora', '1000')
    expect(await spend(key)).toBe(200)
    await ask('PATCH', '/admin/accounts/dora', { disabled: true })
    expect(await spend(key)).toBe(403)
    expect((await ask('GET', '/v1/models', undefined, key)).status).toBe(403)
    await ask('PATCH', '/admin/accounts/dora', { disabled: false })
    expect(await spend(key)).toBe(200)
  })

  test('are listed page by page, each once', async () => {
    for (const n of [1, 2, 3, 4, 5]) await ask('POST', '/admin/accounts', { account: `many-${n}` })
    const seen: unknown[] = []
    for (let cursor = ''; ;) {
      const { body } = await ask('GET', `/admin/accounts?begins=many&limit=2${cursor}`)
      seen.push(...(body['data'] as { account: string }[]).map(({ account }) => account))
      const { next_cursor: next } = body as { next_cursor: string | null }
      if (next === null) break
      cursor = `&cursor=${next}`
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((n) => `many-${n}`))
    const wrong = await ask('GET', '/admin/accounts?cursor=abc')
    expect(errorOf(wrong)).toEqual([400, 'invalid_cursor', 'cursor'])
  })
})

describe('a key', () => {
  const issue = async (body: object, by?: string): Promise<Json> =>
    (await ask('POST', '/admin/keys', body, by)).body

  test('is listed without its secret, and changed from that moment on', async () => {
    const wish = { type: 'user', account: 'emil', credits: '1000', tags: ['bot', 'beta'] }
    const { key, keyId } = (await issue(wish)) as { key: string; keyId: string }
    const listed = await ask('GET', '/admin/keys?tag=bot&state=active&account=emil')
    expect(listed.body['data']).toMatchObject([
      { id: keyId, account: 'emil', tags: ['bot', 'beta'] },
    ])
    expect(JSON.stringify(listed.body)).not.toContain(key)
    expect(await spend(key, 'more')).toBe(200)
    const changed = await ask('PATCH', `/admin/keys/${keyId}`, { models: ['words'], tags: [] })
    expect(changed.body).toMatchObject({ models: ['words'], tags: [] })
    expect([await spend(key, 'more'), await spend(key)]).toEqual([403, 200])
    expect(errorOf(await ask('PATCH', `/admin/keys/${keyId}`, { models: [] }))).toEqual([
      ...[400, 'invalid_request', 'models'],
    ])
    expect(await spend(key, 'more')).toBe(403)
    await ask('PATCH', `/admin/keys/${keyId}`, { models: null })
    expect(await spend(key, 'more')).toBe(200)
  })

  test('is not changed by a body that is not sent as JSON, as if it had said nothing', async () => {
    const { key, keyId } = await gateway.user('hans', '1000')
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', undefined]) {
      const answer = await fetch(`${gateway.url}/admin/keys/${keyId}/rotate`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${gateway.adminKey}`,
          ...(type !== undefined && { 'content-type': type }),
        },
        body: Buffer.from('{"grace":"12h"}'),
      })
      expect([answer.status, await answer.json()]).toMatchObject([
        ...[415, { error: { code: 'unsupported_media_type' } }],
      ])
    }
    expect(await spend(key)).toBe(200)
  })

  test('is rotated with a grace or at once, under the same rules', async () => {
    const first = await issue({ type: 'user', account: 'fred', credits: '1000', models: ['words'] })
    const second = await ask('POST', `/admin/keys/${String(first['keyId'])}/rotate`, {
      grace: '1h',
    })
    expect(second).toMatchObject({ status: 201, body: { replaces: first['keyId'] } })
    const keys = [first, second.body].map(({ key }) => String(key))
    for (const key of keys) expect([await spend(key), await spend(key, 'more')]).toEqual([200, 403])
    const third = await ask('POST', `/admin/keys/${String(second.body['keyId'])}/rotate`, {})
    expect([await spend(keys[1] ?? ''), await spend(String(third.body['key']))]).toEqual([401, 200])
  })

  test('that has expired is not rotated, because the next one would have its end', async () => {
    const expires = new Date(Date.now() + 300).toISOString()
    const wish = { type: 'user', account: 'late', credits: '1', expires }
    const { keyId } = (await ask('POST', '/admin/keys', wish)).body as { keyId: string }
    const stateOf = async () => (await ask('GET', `/admin/keys/${keyId}`)).body['state']
    await expect.poll(stateOf).toBe('expired')
    const rotate = () => ask('POST', `/admin/keys/${keyId}/rotate`, {})
    expect(errorOf(await rotate())).toEqual([400, 'invalid_request', null])
    expect(await stateOf()).toBe('expired')
    await ask('PATCH', `/admin/keys/${keyId}`, { expires: null })
    expect((await rotate()).status).toBe(201)
  })

  test('has its limits together with those that came before it, also after a restart', async () => {
    const limits = { requests_per_day: 3, spend_per_month: '100000' }
    const first = await issue({ type: 'user', account: 'gabi', credits: '1000', limits })
    const rotate = (key: Json) =>
      ask('POST', `/admin/keys/${String(key['keyId'])}/rotate`, { grace: '1h' })
    const second = (await rotate(first)).body
    expect(errorOf(await rotate(first))).toEqual([400, 'invalid_request', null])
    const third = (await rotate(second)).body
    const keys = [first, second, third].map(({ key }) => String(key))
    expect([await spend(keys[0] ?? ''), await spend(keys[1] ?? '')]).toEqual([200, 200])
    const used = async () => {
      const at = `/admin/keys/${String(third['keyId'])}/limits`
      return (await ask('GET', at)).body['limits'] as Record<string, { used: unknown }>
    }
    const before = await used()
    expect(before).toMatchObject({ requests_per_day: { used: 2 } })
    await gateway.stop()
    gateway = await gateway.restart()
    expect((await used())['spend_per_month']?.used).toEqual(before['spend_per_month']?.used)
    expect([await spend(keys[2] ?? ''), await spend(keys[0] ?? '')]).toEqual([200, 429])
  })

  test('that is revoked is dead at once, and answered like one that never was', async () => {
    const { key, keyId } = await issue({ type: 'user', account: 'gina', credits: '1000' })
    expect(await spend(String(key))).toBe(200)
    const revoked = await ask('DELETE', `/admin/keys/${String(keyId)}`)
    expect(revoked.body).toMatchObject({ state: 'revoked' })
    const answers = await Promise.all(
      [String(key), 'tg-never', 'Bearer'].map((one) =>
        raw({ url: gateway.url, key: one, body: chat('words') }),
      ),
    )
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(401)
  })

  test('of support issues, rotates and revokes keys of users, and makes neither credit nor staff', async () => {
    const { key: support } = (await issue({ type: 'admin', role: 'support' })) as { key: string }
    const { keyId } = (await issue({ type: 'user', account: 'gina' }, support)) as { keyId: string }
    expect(keyId).toMatch(/^key_/)
    const refused = [403, 'key_not_allowed', null]
    for (const wish of [
      { type: 'user', account: 'gina', credits: '1' },
      { type: 'user', account: 'nobody-yet' },
      { type: 'admin', role: 'support' },
      { type: 'admin', role: 'viewer' },
      { type: 'admin' },
    ])
      expect(errorOf(await ask('POST', '/admin/keys', wish, support))).toEqual(refused)
    expect((await ask('DELETE', `/admin/keys/${keyId}`, undefined, support)).status).toBe(200)
    const { keyId: viewer } = await issue({ type: 'admin', role: 'viewer' })
    const revoking = await ask('DELETE', `/admin/keys/${String(viewer)}`, undefined, support)
    expect(errorOf(revoking)).toEqual(refused)
  })

  test('does not revoke itself, nor the master key', async () => {
    const { key, keyId } = await issue({ type: 'admin', role: 'owner' })
    const own = await ask('DELETE', `/admin/keys/${String(keyId)}`, undefined, String(key))
    expect(own.status).toBe(400)
    const [master] = (await ask('GET', '/admin/keys?role=owner')).body['data'] as { id: string }[]
    const killed = await ask('DELETE', `/admin/keys/${master?.id ?? ''}`, undefined, String(key))
    expect(errorOf(killed)).toEqual([403, 'key_not_allowed', null])
  })
})

describe('the models', () => {
  test('are shown with what they cost in credits', async () => {
    const { data } = (await ask('GET', '/admin/models')).body as { data: Json[] }
    const words = data.find(({ id }) => id === 'words')
    // 2 and 8 dollars a million tokens, at a million credits a dollar
    const price = { input: '2000000', output: '8000000', cached_input: '2000000' }
    expect(words).toMatchObject({ credits_per_million_tokens: price, credits_per_request: '0' })
  })

  test('are checked and read again from the file, and stay as they are where it is wrong', async () => {
    const file = path.join(gateway.dir, 'gateway.yaml')
    const right = fs.readFileSync(file, 'utf8')
    fs.writeFileSync(file, right.replace('output: 8', 'output: eight'))
    for (const to of ['/admin/config/check', '/admin/config/reload']) {
      const { ok, problems } = (await ask('POST', to)).body as { ok: boolean; problems: string[] }
      expect([ok, problems[0]]).toEqual([
        false,
        expect.stringMatching(/gateway.yaml:[0-9]+: models/),
      ])
    }
    expect((await ask('GET', '/v1/models')).status).toBe(200)
    fs.writeFileSync(file, right)
    expect((await ask('POST', '/admin/config/reload')).body).toEqual({ ok: true, problems: [] })
    const reloads = (await ask('GET', '/admin/audit?kind=config-reloaded&by=master')).body['data']
    expect(reloads).toMatchObject([
      { by: 'master', is_in_force: true, problems: 0 },
      { by: 'master', is_in_force: false, problems: expect.any(Number) as number },
    ])
  })
})

test('the receipt of any request is there for the staff, with the deployments that were asked', async () => {
  const { key } = await gateway.user('hugo', '1000')
  const { headers } = await raw({ url: gateway.url, key, body: chat('words') })
  const receipt = await ask('GET', `/admin/requests/${String(headers['x-request-id'])}`)
  expect(receipt.body).toMatchObject({ account: 'hugo', deployment: 'fake/answer?chunks=5' })
})

describe('a bot of the predecessor', () => {
  const old = async (
    method: string,
    to: string,
    { masterToken = gateway.adminKey, headers = {} } = {},
  ) => {
    const at = `${to}${to.includes('?') ? '&' : '?'}masterToken=${masterToken}`
    const answer = await raw({ url: gateway.url, method, path: at, headers })
    return { status: answer.status, body: JSON.parse(answer.body) as Json }
  }

  test('asks, pays in, takes out, moves and issues under the master key in its query', async () => {
    await gateway.user('ines', '100')
    await gateway.user('jan', '0')
    expect((await old('GET', '/token/has?userId=ines')).body).toEqual({ status: true })
    expect((await old('GET', '/token/has?userId=kim')).body).toEqual({ status: false })
    const told = (await old('GET', '/token?userId=ines')).body
    expect(told).toMatchObject({ user_id: 'ines', tokens_gpt: 100 })
    await old('PUT', '/token?userId=ines&operation=add&amount=50')
    await old('PUT', '/token?userId=ines&operation=subtract&amount=30')
    const moved = (await old('POST', '/transfer/ines/jan?amount=20')).body
    expect(moved).toMatchObject({ from: { tokens_gpt: 100 }, to: { tokens_gpt: 20 } })
    const { id: first } = (await old('POST', '/token?userId=jan')).body
    const { id: second } = (await old('POST', '/token?userId=jan')).body
    const statuses = [await spend(String(first)), await spend(String(second))]
    expect(statuses[0]).toBe(401)
    expect(statuses[1]).not.toBe(401)
    expect(((await old('GET', '/tokens')).body['tokens'] as Json[]).length).toBeGreaterThan(2)
  })

  test('that names its calls is answered for another user as for another call', async () => {
    await Promise.all(['lea', 'max'].map((name) => gateway.user(name, '0')))
    const headers = { 'idempotency-key': randomUUID() }
    const issue = (name: string) => old('POST', `/token?userId=${name}`, { headers })
    const { body } = await issue('lea')
    expect(await issue('lea')).toMatchObject({ status: 200, body })
    expect(await issue('max')).toMatchObject({ status: 409 })
  })

  test('is refused with any other key, and the key is in no log', async () => {
    const { key } = await gateway.issue(['--type', 'admin', '--role', 'viewer'])
    for (const wrong of [key, 'x', '']) {
      const { status } = await old('GET', '/tokens', { masterToken: wrong })
      expect([401, 403]).toContain(status)
    }
    await old('PUT', '/token?userId=nobody-here&operation=add&amount=50')
    await old('PUT', '/token?userId=ines&operation=steal&amount=50')
    const logs = path.join(gateway.dir, 'logs')
    const texts = fs.readdirSync(logs).map((name) => fs.readFileSync(path.join(logs, name), 'utf8'))
    expect(`${gateway.output()}${texts.join('')}`).not.toContain(gateway.adminKey)
  })
})

describe('the command line', () => {
  const run = (...args: string[]) => runScript('tollgate', args, gateway)

  test('issues keys for every line of a CSV file, and tells the lines that it could not', async () => {
    const file = path.join(gateway.dir, 'keys.csv')
    fs.writeFileSync(file, 'account,credits,tags\nkira,5,"a b"\na b,1,\nlars,,\n')
    const { code, stdout, stderr } = await run('keys', 'issue-batch', file, '--yes')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^line 3: .*account name/)])
    const [, kira = '', lars] = stdout.trim().split('\r\n')
    expect(lars).toMatch(/^lars,tg-/)
    const tagged = (await ask('GET', '/admin/keys?account=kira&tag=b')).body['data']
    expect(tagged).toMatchObject([{ id: kira.split(',')[2] }])
    expect((await run('keys', 'issue-batch', file)).stderr).toMatch(/add --yes/)
  })

  test('makes a user, whose password is shown once and is good at once', async () => {
    const made = await run('users', 'set', 'mona', '--role', 'viewer', '--json')
    const { password } = JSON.parse(made.stdout) as { password: string }
    const login = await ask('POST', '/auth/login', { username: 'mona', password })
    expect(login.body).toMatchObject({ user: 'mona', roles: ['viewer'] })
    expect((await run('users', 'list')).stdout).toMatch(/mona +viewer/)
    const trail = await run('audit-trail', '--account', 'carl')
    expect(trail.stdout).toContain('limits=requests_per_day:7,spend_per_month:12.5')
  })
})

test('each of these is in the audit trail, with who did it', async () => {
  const { data } = (await ask('GET', '/admin/audit?limit=1000')).body as { data: Json[] }
  const kinds = new Set(data.map(({ kind }) => kind))
  for (const kind of ['account', 'key', 'key-changed', 'key-revoked']) expect(kinds).toContain(kind)
  expect(data.every(({ by }) => typeof by === 'string')).toBe(true)
  expect(JSON.stringify(data)).not.toMatch(/"(?:hash|password)"/)
})

test('and the books are true', async () => {
  await gateway.stop()
  expect(auditFolder({ db: path.join(gateway.dir, 'db') }).findings).toEqual([])
  gateway = await gateway.restart()
})
