import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditFolder } from '../src/wiring/audit.ts'
import { clientOf, openHouse, type Client, type House } from './support/house.ts'
import { runScript } from './support/script.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ words: ['answer'] }, 'invitations: { inviter: 5, invited: 2.5 }\n')
})
afterAll(async () => {
  await house.gateway.stop()
  expect(auditFolder({ db: path.join(house.gateway.dir, 'db') }).findings).toEqual([])
  await house.close()
})

/** The same house after a restart, which has another port. */
function movedTo(gateway: House['gateway']): House {
  const client = async (credits = '0') => {
    const account = `late${late++}`
    return clientOf(gateway.url, account, (await gateway.user(account, credits)).key)
  }
  return { ...house, gateway, client, close: () => closing(gateway) }
}
let late = 0
async function closing(gateway: House['gateway']): Promise<void> {
  await gateway.close()
  await house.upstream.close()
}

type Made = { series: string; data: { id: string; code: string }[] }
type Answer = Readonly<{ status: number; json: Readonly<Record<string, unknown>> }>

async function ask(key: string, method: string, to: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${house.gateway.url}/${to}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: (await response.json()) as Answer['json'] }
}
const admin = (method: string, to: string, body?: unknown) =>
  ask(house.gateway.adminKey, method, `admin/${to}`, body)
const make = async (body: unknown) => (await admin('POST', 'codes', body)).json as unknown as Made
const redeem = ({ key }: Client, code: unknown) => ask(key, 'POST', 'v1/redeem', { code })
const codeOf = ({ data }: Made, at = 0): string => data[at]?.code ?? ''

describe('a redemption code', () => {
  test('of fifty who send it at once is one’s, and no credit is made twice', async () => {
    const code = codeOf(await make({ amount: '12.5' }))
    const clients = await Promise.all(Array.from({ length: 5 }, () => house.client('0')))
    const tries = Array.from({ length: 50 }, (_, at) => clients[at % 5] ?? clients[0])
    const answers = await Promise.all(tries.map((one) => redeem(one as Client, code)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    const balances = await Promise.all(clients.map(({ balance }) => balance()))
    expect(balances.sort()).toEqual(['0', '0', '0', '0', '12.5'])
  })

  test('is shown once, and stands nowhere in the data folder', async () => {
    const { series, data } = await make({ amount: 1, count: 3, note: 'spring' })
    const listed = await admin('GET', `codes?series=${series}`)
    expect(listed.json['data']).toMatchObject(
      data.map(({ id }) => ({ id, state: 'open', amount: '1', note: 'spring' })),
    )
    const journal = path.join(house.gateway.dir, 'db', 'journal')
    const all = readdirSync(journal).map((name) => readFileSync(path.join(journal, name), 'utf8'))
    for (const { code } of data) {
      expect(JSON.stringify(listed.json)).not.toContain(code)
      expect(all.join('')).not.toContain(code)
      expect(all.join('')).not.toContain(code.replaceAll('-', ''))
    }
  })

  test('is of no use when it was withdrawn, has expired, or was typed wrong', async () => {
    const client = await house.client('0')
    const made = await make({ amount: 1, count: 2 })
    expect(await admin('DELETE', `codes/${made.data[0]?.id ?? ''}`)).toMatchObject({
      json: { state: 'revoked' },
    })
    expect(await redeem(client, codeOf(made))).toMatchObject({ status: 400 })
    expect(await redeem(client, codeOf(made, 1).slice(0, -1))).toMatchObject({ status: 400 })
    expect(await redeem(client, codeOf(made, 1).toLowerCase())).toMatchObject({ status: 201 })
    expect(await admin('DELETE', `codes/${made.data[1]?.id ?? ''}`)).toMatchObject({ status: 400 })
    expect(
      await admin('POST', 'codes', { amount: 1, expires: '2020-01-01T00:00:00Z' }),
    ).toMatchObject({ status: 400 })
  })

  test('is not found by trying: after ten wrong ones the account has to wait, and others do not', async () => {
    const client = await house.client('0')
    for (let at = 0; at < 10; at++)
      expect(await redeem(client, 'no code')).toMatchObject({ status: 400 })
    const good = codeOf(await make({ amount: 1 }))
    expect(await redeem(client, good)).toMatchObject({ status: 429 })
    expect(await redeem(await house.client('0'), good)).toMatchObject({ status: 201 })
  })

  test('survives a restart, redeemed or not', async () => {
    const client = await house.client('0')
    const made = await make({ amount: 3, count: 2 })
    await redeem(client, codeOf(made))
    await house.gateway.stop('SIGKILL')
    const again = await house.gateway.restart()
    const send = async (code: string) => {
      const response = await fetch(`${again.url}/v1/redeem`, {
        method: 'POST',
        headers: { authorization: `Bearer ${client.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ code }),
      })
      return [response.status, ((await response.json()) as { balance?: string }).balance]
    }
    expect(await send(codeOf(made))).toEqual([400, undefined])
    expect(await send(codeOf(made, 1))).toEqual([201, '6'])
    house = movedTo(again)
  })

  test('is in the audit trail when it is made and when it is withdrawn, without what it is redeemed by', async () => {
    const { series, data } = await make({ amount: 4, note: 'autumn' })
    const [{ id, code } = { id: '', code: '' }] = data
    await admin('DELETE', `codes/${id}`)
    const { json } = await admin('GET', 'audit?limit=2')
    expect(json['data']).toMatchObject([
      { kind: 'code-revoked', code: id, by: 'master' },
      { kind: 'code', code: id, series, amount: '4', note: 'autumn', by: 'master' },
    ])
    expect(JSON.stringify(json)).not.toContain(code)
  })

  test('comes from the command line, too, thousands at a time', async () => {
    const where = { dir: house.gateway.dir }
    const run = async (...args: string[]) =>
      JSON.parse((await runScript('tollgate', ['codes', ...args, '--json'], where)).stdout) as Made
    const made = await run('create', '2', '2500', '--note', 'many')
    expect(new Set(made.data.map(({ code }) => code)).size).toBe(2_500)
    const [first] = made.data
    await run('revoke', first?.id ?? '', '--yes')
    expect((await run('list', '--series', made.series, '--state', 'revoked')).data).toHaveLength(1)
  })
})

describe('an invitation', () => {
  const accept = ({ key }: Client, inviter: string) =>
    ask(key, 'POST', 'v1/invitation', { inviter })

  test('pays both sides, once for each account, and not in a circle', async () => {
    const [anna, bob, eve] = [
      await house.client('0'),
      await house.client('0'),
      await house.client('0'),
    ]
    const tries = Array.from({ length: 20 }, () => accept(bob, anna.account))
    const answers = await Promise.all(tries)
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect([await anna.balance(), await bob.balance()]).toEqual(['5', '2.5'])
    expect(await accept(eve, eve.account)).toMatchObject({ status: 400 })
    expect(await accept(eve, 'nobody')).toMatchObject({ status: 400 })
    expect(await accept(eve, bob.account)).toMatchObject({ status: 201 })
    expect(await accept(anna, eve.account)).toMatchObject({ status: 400 })
  })

  test('names nobody to whoever tries: after ten wrong ones the account has to wait, and others need not', async () => {
    const [eve, bob, anna] = [
      await house.client('0'),
      await house.client('0'),
      await house.client('0'),
    ]
    for (let tries = 0; tries < 10; tries++)
      expect(await accept(eve, `nobody${tries}`)).toMatchObject({ status: 400 })
    expect(await accept(eve, anna.account)).toMatchObject({ status: 429 })
    expect(await accept(bob, anna.account)).toMatchObject({ status: 201 })
    expect(await eve.balance()).toBe('0')
  })

  const old = async (method: string, to: string) => {
    const at = `${house.gateway.url}/${to}&masterToken=${house.gateway.adminKey}`
    const response = await fetch(at, { method })
    return { status: response.status, json: (await response.json()) as Answer['json'] }
  }

  test('is entered by operators and by bots of the predecessor, and pays the same bonus once', async () => {
    const clients = [await house.client('0'), await house.client('0'), await house.client('0')]
    const [anna, bob, eve] = clients as [Client, Client, Client]
    expect(await old('GET', `referral?userId=${anna.account}`)).toMatchObject({
      json: { id: anna.account, parent: null, children: [] },
    })
    const wish = `referral?userId=${bob.account}&referralId=${anna.account}`
    const accepted = { id: bob.account, parent: anna.account, children: [] }
    expect(await old('POST', wish)).toMatchObject({ status: 200, json: accepted })
    expect(await old('POST', wish)).toMatchObject({ status: 400 })
    expect([await anna.balance(), await bob.balance()]).toEqual(['5', '2.5'])
    const entered = { account: eve.account, inviter: anna.account }
    expect(await admin('POST', 'invitations', entered)).toMatchObject({
      ...{ status: 201, json: { account: eve.account, amount: '2.5' } },
    })
    expect(await old('GET', `referral?userId=${anna.account}`)).toMatchObject({
      json: { children: [bob.account, eve.account] },
    })
    const listed = await admin('GET', `invitations?inviter=${anna.account}`)
    expect(listed.json['data']).toEqual([
      { account: bob.account, inviter: anna.account },
      { account: eve.account, inviter: anna.account },
    ])
  })
})
