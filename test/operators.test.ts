// What operators see of the whole house, over HTTP and on the command line.
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminHealthRoutes } from '../src/http/routes/admin-health.ts'
import type { GatewayProcess } from './support/gateway-process.ts'
import { openHouse, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'
import { runScript } from './support/script.ts'

let house: House
let gateway: GatewayProcess
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'] })
  gateway = house.gateway
})
afterAll(async () => {
  await gateway.stop() // another one than the house began with, after a restart
  await house.close()
})

type Json = Readonly<Record<string, unknown>>

const ask = async (method: string, to: string, body?: object): Promise<Json> => {
  const asked = { url: gateway.url, key: gateway.adminKey, method, path: to }
  const answer = await raw({ ...asked, ...(body && { body: JSON.stringify(body) }) })
  return JSON.parse(answer.body) as Json
}
const health = () => ask('GET', '/admin/health')

describe('the health of the whole', () => {
  test('is told as the documentation says, with providers, journal, disk and load', async () => {
    const told = await health()
    const [{ answer } = { answer: undefined }] = adminHealthRoutes
    expect(answer?.safeParse(told)).toMatchObject({ success: true })
    expect(told).toMatchObject({
      ...{ status: 'healthy', ready: true, alarms: [], audit: null },
      services: { ledger: true, snapshots: true, fake: true },
      providers: [{ id: 'fake', usable: true, deployments: [{ state: 'ready' }] }],
      journal: { writable: true, proven: true, segment: 1, open_holds: 0 },
    })
    const { free_bytes: free, size_bytes: size } = told['disk'] as Record<string, number>
    expect(free).toBeGreaterThan(0)
    expect(size).toBeGreaterThan(free ?? 0)
  })

  test('knows a provider that is switched off, and one that is on again', async () => {
    await ask('POST', '/admin/providers/fake', { state: 'off' })
    expect(await health()).toMatchObject({
      ...{ status: 'degraded', services: { fake: false } },
      providers: [{ usable: false, deployments: [{ state: 'off' }] }],
    })
    await ask('POST', '/admin/providers/fake', { state: 'on' })
    expect(await health()).toMatchObject({ status: 'healthy' })
  })

  test('knows what the last audit came to, and raises an alarm where it found something', async () => {
    const where = { dir: gateway.dir }
    const { stdout } = await runScript('audit', ['--json'], where)
    const { records, seq } = JSON.parse(stdout) as Record<string, number>
    expect(await health()).toMatchObject({ audit: { records, seq, findings: 0 }, alarms: [] })
    const planted = path.join(gateway.dir, 'db', 'quarantine')
    fs.mkdirSync(planted, { recursive: true, mode: 0o755 })
    fs.chmodSync(planted, 0o755) // which others may look into
    expect((await runScript('audit', [], where)).code).toBe(1)
    expect(await health()).toMatchObject({ audit: { findings: 1 }, alarms: ['audit_findings'] })
    fs.chmodSync(planted, 0o700)
    await runScript('audit', [], where)
    expect(await health()).toMatchObject({ alarms: [] })
  })
})

describe('the command line', () => {
  const run = (...args: string[]) => runScript('tollgate', args, { dir: gateway.dir })
  const told = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await run(...args, '--json')
    expect([args, code, stderr]).toEqual([args, 0, ''])
    return JSON.parse(stdout) as T
  }

  test('says how the gateway is, and ends with 1 where it is not well', async () => {
    expect(await told('health')).toMatchObject({ status: 'healthy' })
    await run('providers', 'off', 'fake')
    const { code, stdout } = await run('health')
    expect([code, stdout]).toEqual([1, expect.stringMatching(/service fake +down/)])
    await run('providers', 'on', 'fake')
  })

  test('takes a provider, a key or a deployment out of use and back, with a server and without', async () => {
    const deployment = 'fake/answer?chunks=5'
    const off = await run('providers', 'off', 'fake', '--deployment', deployment)
    expect(off.stdout).toMatch(
      /fake +1 +fake\/answer\?chunks=5 +off .* switched off by an operator/,
    )
    const { key } = await gateway.user('nils', '1000')
    const spend = async () => (await raw({ url: gateway.url, key, body: chat('words') })).status
    expect(await spend()).toBe(503)
    await gateway.stop()
    type Providers = readonly { id: string; deployments: readonly { state: string }[] }[]
    const state = async () => (await told<Providers>('providers', 'list'))[0]?.deployments[0]?.state
    expect(await state()).toBe('off')
    await told('providers', 'on', 'fake', '--deployment', deployment)
    expect(await state()).toBe('ready')
    await told('providers', 'off', 'fake', '--key-number', '1')
    gateway = await gateway.restart()
    expect([await state(), await spend()]).toEqual(['off', 503])
    await told('providers', 'on', 'fake', '--key-number', '1')
    expect([await state(), await spend()]).toEqual(['ready', 200])
    expect((await run('providers', 'off', 'nobody')).stderr).toMatch(/no such provider/)
  })

  test('opens sub-accounts, sets their markup and cap, and moves them', async () => {
    await gateway.user('reseller', '1000')
    await told('resellers', 'set', 'reseller', '--sub-accounts-max', '5')
    await told('resellers', 'open', 'shop', '--parent', 'reseller', '--markup', '0.25')
    await told('resellers', 'set', 'shop', '--cap', '500')
    const listed = await told('resellers', 'list', '--parent', 'reseller')
    expect(listed).toMatchObject([
      { account: 'shop', parent: 'reseller', markup: '0.25', cap: '500', used: '0' },
    ])
    expect((await run('resellers', 'move', 'shop', 'none')).stderr).toMatch(/add --yes/)
    await told('resellers', 'move', 'shop', 'none', '--yes')
    expect(await told('resellers', 'list', '--parent', 'reseller')).toEqual([])
    const trail = (await ask('GET', '/admin/audit?account=shop&limit=3'))['data']
    expect(trail).toMatchObject([
      { parent: null, by: 'cli' },
      { cap: '500', by: 'cli' },
      { parent: 'reseller', markup: '0.25', by: 'cli' },
    ])
    expect((await run('resellers', 'open', 'shop', '--parent', 'reseller')).stderr).toMatch(/taken/)
    expect((await run('resellers', 'open', 'x', '--parent', 'nobody')).stderr).toMatch(/parent/)
  })

  test('sets and lists limits, which are in force at once', async () => {
    const { keyId } = await gateway.user('olga', '1000')
    await told('limits', 'set', 'olga', 'requests_per_day=7,spend_per_month=12.5')
    await told('limits', 'set', 'olga', 'requests_per_minute=3', '--key', keyId)
    expect(await told('limits', 'list', 'olga')).toEqual([
      { of: 'tier', id: 'free', limits: { requests_per_minute: 0 } },
      { of: 'account', id: 'olga', limits: { requests_per_day: 7, spend_per_month: '12.5' } },
      { of: 'key', id: keyId, limits: { requests_per_minute: 3 } },
    ])
    expect(await ask('GET', '/admin/accounts/olga')).toMatchObject({
      limits: { requests_per_day: 7 },
    })
    expect((await run('limits', 'set', 'olga', 'lunch=1')).stderr).toMatch(/lunch/)
  })

  test('lists models with their prices, and reads the configuration again', async () => {
    expect(await told('models', 'list')).toMatchObject([
      { id: 'words', credits_per_million_tokens: { input: '2000000', output: '8000000' } },
    ])
    const file = path.join(gateway.dir, 'gateway.yaml')
    const right = fs.readFileSync(file, 'utf8')
    fs.writeFileSync(file, right.replace('output: 8', 'output: eight'))
    const wrong = await run('models', 'reload')
    expect([wrong.code, wrong.stdout]).toEqual([1, expect.stringMatching(/gateway.yaml:[0-9]+/)])
    expect((await run('accounts', 'list')).code).toBe(0) // the server goes on by what it has
    fs.writeFileSync(file, right)
    expect(await told('models', 'reload')).toEqual({ ok: true, problems: [] })
  })

  test('has help for every action, and no action that its help does not name', async () => {
    const { stdout } = await run('--help')
    const actions = [...stdout.matchAll(/^ {2}(\S+) ([a-z-]+)/gm)].map(([, one, two]) => [one, two])
    expect(actions.length).toBeGreaterThan(35)
    const some = ['providers', 'resellers', 'limits', 'invitations', 'models']
    for (const [resource = '', action = ''] of actions.filter(([one]) =>
      some.includes(one ?? ''),
    )) {
      const help = await run(resource, action, '--help')
      expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('--json')])
    }
  })
})
