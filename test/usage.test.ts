import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanEnv, root } from './support/gateway-process.ts'
import { openHouse, type Client, type House } from './support/house.ts'
import { ofKind } from './support/journal.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

let house: House
let anna: Client
let bert: Client
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'], '+odd': ['answer?chunks=3'] })
  anna = await house.client()
  bert = await house.client()
  for (const model of ['words', 'words', '+odd']) await ask(anna.key, model)
  await ask(bert.key, 'words')
})
afterAll(async () => {
  await house.gateway.stop() // the one that was started last
  await house.close()
})

const ask = (key: string, model: string, more: object = {}): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, body: chat(model, more) })

const get = (key: string, where: string, headers = {}): Promise<RawAnswer> =>
  raw({ url: house.gateway.url, key, method: 'GET', path: where, headers })

type Sums = { requests: number; tokens: Record<string, number>; cost: string; charged: string }
type Page = {
  data: (Record<string, string> & Sums)[]
  total: Sums
  has_more: boolean
  next_cursor: string | null
  time_zone: string
  from: string
  to: string
}
const pageOf = async (key: string, where: string): Promise<Page> => {
  const { status, body } = await get(key, where)
  expect([status, body.slice(0, 200)]).toEqual([200, expect.any(String)])
  return JSON.parse(body) as Page
}
const credits = (micro: bigint): string => String(Number(micro) / 1_000_000)
const settled = (account?: string) =>
  ofKind(house.gateway.dir, 'settle').filter(
    (one) => account === undefined || one['account'] === account,
  )
const sum = (records: readonly Record<string, unknown>[], field: string): bigint =>
  records.reduce((all, record) => all + BigInt(String(record[field])), 0n)

describe('the usage of an account', () => {
  test('is what its requests cost, to the unit, and there as soon as the answer is', async () => {
    const before = await pageOf(anna.key, '/v1/usage?group_by=model')
    const { headers } = await ask(anna.key, 'words')
    const { data, total } = await pageOf(anna.key, '/v1/usage?group_by=model')
    expect(total.requests).toBe(before.total.requests + 1)
    expect(total.charged).toBe(credits(sum(settled(anna.account), 'amount')))
    expect(Number(total.charged) - Number(before.total.charged)).toBe(
      Number(headers['x-tollgate-cost']),
    )
    expect(Number(total.charged)).toBe(1_000_000 - Number(await anna.balance()))
    expect(data.map(({ model }) => model)).toEqual(['+odd', 'words'])
    expect(data.reduce((all, row) => all + row.requests, 0)).toBe(total.requests)
  })

  test('is that of all its keys, and of no other account', async () => {
    const second = await house.gateway.user(bert.account, '0')
    await ask(second.key, 'words')
    const { data } = await pageOf(bert.key, '/v1/usage?group_by=key')
    expect(data.map(({ requests }) => requests)).toEqual([1, 1])
    expect(data.map(({ key }) => key)).toContain(second.keyId)
    const only = await pageOf(bert.key, `/v1/usage?key=${second.keyId}`)
    expect(only.total.requests).toBe(1)
  })

  test('cannot be asked of another account', async () => {
    for (const query of [`account=${anna.account}`, 'group_by=account', 'group_by=deployment'])
      expect((await get(bert.key, `/v1/usage?${query}`)).status).toBe(400)
    const { status, body } = await get(house.gateway.adminKey, '/v1/usage')
    expect([status, body]).toEqual([403, expect.stringContaining('key_not_allowed')])
  })

  test('comes in pages that join to the whole', async () => {
    const where = '/v1/usage?group_by=hour,model,outcome'
    const whole = await pageOf(anna.key, where)
    const rows = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page = await pageOf(anna.key, `${where}&limit=1${more}`)
      expect(page.data.length).toBe(1)
      expect(page.total.charged).toBe(whole.total.charged)
      rows.push(...page.data)
      cursor = page.next_cursor
    }
    expect(rows).toEqual(whole.data)
  })

  test('refuses a cursor that was changed, or is of another question', async () => {
    const { next_cursor: cursor } = await pageOf(anna.key, '/v1/usage?group_by=model&limit=1')
    const [position = '', check = ''] = String(cursor).split('.')
    const other = Buffer.from(position, 'base64url').toString().replace('odd', 'abc')
    const wrong = [
      `group_by=model&cursor=${Buffer.from(other).toString('base64url')}.${check}`,
      `group_by=model&cursor=${position}`,
      `group_by=model&cursor=${position}.${check}.x`,
      `group_by=model&cursor=none`,
      `group_by=outcome&cursor=${cursor}`,
      `group_by=model&model=words&cursor=${cursor}`,
    ]
    for (const query of wrong) {
      const { status, body } = await get(anna.key, `/v1/usage?${query}`)
      expect(status).toBe(400)
      expect((JSON.parse(body) as { error: object }).error).toMatchObject({
        ...{ code: 'invalid_cursor', param: 'cursor' },
      })
    }
    expect((await pageOf(anna.key, `/v1/usage?group_by=model&cursor=${cursor}`)).data.length).toBe(
      1,
    )
  })

  test.each([
    ['group_by=color', 'group_by'],
    ['group_by=day,day', 'group_by'],
    ['from=yesterday', 'from'],
    ['from=2026-02-30', 'from'],
    ['from=2026-11-02&to=2026-11-01T00:00:00Z', 'from'],
    ['to=2026-13-01', 'to'],
    ['time_zone=Mars/Olympus', 'time_zone'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=1e3', 'limit'],
    ['format=xml', 'format'],
    ['model=', 'model'],
    ['model=a&model=b', 'model'],
    ['colour=red', 'colour'],
    ['__proto__=x', '__proto__'],
  ])('is not told for %s', async (query, param) => {
    const { status, body } = await get(anna.key, `/v1/usage?${query}`)
    expect([status, (JSON.parse(body) as { error: { param: string } }).error.param]).toEqual([
      400,
      param,
    ])
  })

  test('comes as comma-separated values that no spreadsheet takes for a formula', async () => {
    const asked = await get(anna.key, '/v1/usage?group_by=model&format=csv')
    const accepted = await get(anna.key, '/v1/usage?group_by=model', { accept: 'text/csv' })
    expect(accepted.body).toBe(asked.body)
    expect(asked.headers['content-type']).toBe('text/csv; charset=utf-8')
    const [heading, first] = asked.body.split('\r\n')
    expect(heading).toBe(
      'model,requests,estimated,input,cached_input,cache_write,image,output,audio_input,audio_output,cost,charged,overrun,refunded',
    )
    expect(first?.startsWith(`'+odd,1,0,`)).toBe(true)
  })
})

describe('days', () => {
  const patch = (account: string, body: unknown, key = house.gateway.adminKey) =>
    raw({
      ...{ url: house.gateway.url, key, method: 'PATCH', path: `/admin/accounts/${account}` },
      body: JSON.stringify(body),
    })

  test('are those of the account’s time zone, which operators set', async () => {
    const { status, body } = await patch(bert.account, { time_zone: 'Asia/Kathmandu' })
    expect([status, JSON.parse(body)]).toMatchObject([200, { time_zone: 'Asia/Kathmandu' }])
    const page = await pageOf(bert.key, '/v1/usage?from=2026-01-01&to=2099-01-01')
    expect(page).toMatchObject({ time_zone: 'Asia/Kathmandu', from: '2025-12-31T18:15:00.000Z' })
    const at = Number(settled(bert.account).at(-1)?.['at'])
    const day = new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Kathmandu' }).format(at)
    expect(page.data.at(-1)?.['day']).toBe(day)
    const inUtc = await pageOf(bert.key, '/v1/usage?time_zone=UTC&group_by=hour')
    expect(inUtc.data.at(-1)?.['hour']).toBe(`${new Date(at).toISOString().slice(0, 13)}:00+00:00`)
  })

  test.each([
    [{ time_zone: 'Mars/Olympus' }, 400],
    [{ time_zone: 5 }, 400],
    [{}, 400],
    [{ time_zone: 'UTC', balance: '5' }, 400],
  ])('%j is no time zone', async (body, status) => {
    expect((await patch(bert.account, body)).status).toBe(status)
  })

  test('of an account that is not there, or for a caller who is no admin, are not set', async () => {
    expect((await patch('nobody', { time_zone: 'UTC' })).status).toBe(404)
    expect((await patch(bert.account, { time_zone: 'UTC' }, bert.key)).status).toBe(403)
  })
})

describe('the usage of all accounts', () => {
  test('adds up to the settles and the balances, to the unit', async () => {
    const { total, data } = await pageOf(
      house.gateway.adminKey,
      '/admin/usage?group_by=account,deployment',
    )
    expect(total.requests).toBe(settled().length)
    expect(total.charged).toBe(credits(sum(settled(), 'amount')))
    expect(total.cost).toBe(credits(sum(settled(), 'cost')))
    const paid = sum(ofKind(house.gateway.dir, 'credit'), 'amount')
    const left = Number(await anna.balance()) + Number(await bert.balance())
    expect(Number(total.charged)).toBe(Number(credits(paid)) - left)
    expect(data[0]).toMatchObject({
      account: anna.account,
      deployment: expect.stringContaining('fake/') as string,
    })
  })

  test('is told to admins alone', async () => {
    expect((await get(anna.key, '/admin/usage')).status).toBe(403)
    expect((await get('nonsense', '/admin/usage')).status).toBe(401)
  })
})

describe('tollgate usage', () => {
  const command = (args: readonly string[]) =>
    promisify(execFile)(process.execPath, [path.join(root, 'scripts', 'tollgate.js'), ...args], {
      ...{ cwd: house.gateway.dir, env: cleanEnv(house.gateway.dir) },
    })

  test('prints the same beside the server and without it', async () => {
    const args = ['usage', '--group-by', 'account,model']
    const beside = await Promise.all(
      [[], ['--json'], ['--format', 'csv']].map((more) => command([...args, ...more])),
    )
    const { total, data } = JSON.parse(beside[1]?.stdout ?? '') as Page
    expect(total.charged).toBe(credits(sum(settled(), 'amount')))
    expect(data.map(({ account }) => account)).toContain(anna.account)
    expect(beside[2]?.stdout.split('\r\n').length).toBe(data.length + 2)
    expect(beside[0]?.stdout).toMatch(new RegExp(`total +${total.requests} `))
    await house.gateway.stop()
    const alone = await command([...args, '--format', 'csv'])
    expect(alone.stdout).toBe(beside[2]?.stdout)
    house = { ...house, gateway: await house.gateway.restart() }
  })

  test('says what is wrong with a question', async () => {
    const refused = command(['usage', '--from', 'yesterday', '--json'])
    await expect(refused).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('"param":"from"') as string,
    })
  })

  test('has its days by the time zone that accounts set gave, for the account', async () => {
    const { stdout } = await command([
      'accounts',
      'set',
      anna.account,
      '--time-zone',
      'Asia/Kolkata',
    ])
    expect(stdout).toContain('Asia/Kolkata')
    const { body } = await get(anna.key, '/v1/account')
    expect(JSON.parse(body)).toMatchObject({ time_zone: 'Asia/Kolkata' })
    await expect(command(['accounts', 'set', anna.account])).rejects.toMatchObject({ code: 1 })
  })
})
