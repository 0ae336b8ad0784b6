import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { cleanEnv, root, startGateway } from './support/gateway-process.ts'
import { clientOf, configFor, MESSAGES, openHouse } from './support/house.ts'
import { untilLogged } from './support/journal.ts'
import { chat, payloads, raw } from './support/raw.ts'
import { runScript } from './support/script.ts'

const scratch = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-'))
const shipped = fs.readFileSync(path.join(root, 'config', 'gateway.yaml'), 'utf8')

describe('the first start', () => {
  test('prints an address, an admin key this once, and a curl line that is answered and paid for', async () => {
    const gateway = await startGateway({ config: shipped, env: { ADMIN_FIRST: '' } })
    const admin = /Admin key \(shown once; keep it\): (tg-\w+)/.exec(gateway.output())?.[1]
    expect(admin).toBeDefined()
    const curl = await untilLogged(gateway.output, 'curl http')
    const answer = execFileSync('bash', ['-c', curl], { encoding: 'utf8', stdio: 'pipe' })
    expect(JSON.parse(answer)).toMatchObject({ object: 'chat.completion', model: 'demo' })
    const key = /Bearer (tg-\w+)/.exec(curl)?.[1] ?? ''
    const client = clientOf(gateway.url, 'demo', key)
    expect(Number(await client.balance())).toBeLessThan(10_000)
    await gateway.stop()

    const again = await startGateway({
      config: shipped,
      env: { ADMIN_FIRST: '' },
      dir: gateway.dir,
    })
    expect(again.output()).not.toContain('Admin key')
    expect(again.output()).not.toContain(key)
    const issued = await raw({
      ...{ url: again.url, key: admin ?? '', path: '/admin/keys' },
      body: JSON.stringify({ type: 'user', account: 'x', credits: '1' }),
    })
    expect(issued.status).toBe(201)
    await again.stop() // it writes files anew all the time
    for (const file of fs.readdirSync(gateway.dir, { recursive: true, encoding: 'utf8' })) {
      const name = path.join(gateway.dir, file)
      if (!fs.statSync(name).isFile()) continue
      const text = fs.readFileSync(name, 'utf8')
      expect(text.includes(admin ?? '') || text.includes(key), file).toBe(false)
    }
    await again.close()
  })

  test('makes a master key that one set later replaces', async () => {
    const first = await startGateway({ config: shipped, env: { ADMIN_FIRST: '' } })
    const made = /Admin key \(shown once; keep it\): (tg-\w+)/.exec(first.output())?.[1] ?? ''
    await first.stop()
    const second = await startGateway({ config: shipped, dir: first.dir })
    const statusOf = async (key: string): Promise<number> =>
      (await raw({ url: second.url, key, method: 'GET', path: '/auth/validate' })).status
    expect(await statusOf(second.adminKey)).toBe(200)
    expect(await statusOf(made)).toBe(401)
    await second.close()
  })

  test('with a configuration that cannot work says every problem and where, and stops', async () => {
    const broken =
      'accounting: { credits_per_usd: -1 }\nmodels:\n  - id: m\n    deployments: [{ provider: nobody, model: m }]\n'
    await expect(startGateway({ config: broken, env: { ADMIN_FIRST: 'short' } })).rejects.toThrow(
      /ended with 78[^]*ADMIN_FIRST[^]*gateway\.yaml:1[^]*gateway\.yaml:[34]/,
    )
  })

  test('on a folder that another server has is refused, and names it', async () => {
    const house = await openHouse({ words: ['answer'] })
    const config = configFor(house.upstream.baseUrl, { words: ['answer'] })
    await expect(startGateway({ config, dir: house.gateway.dir })).rejects.toThrow(/is in use/)
    expect(Number(await (await house.client()).balance())).toBe(1_000_000)
    await house.close()
  })
})

describe('stopping', () => {
  test('lets an open stream finish, settles it, and exits with 0; it is not ready from the first moment', async () => {
    const house = await openHouse({ slow: ['answer?chunks=12&every=100'] })
    const { key, account } = await house.client()
    const stream = raw({ url: house.gateway.url, key, body: chat('slow', { stream: true }) })
    await house.upstream.until((journal) => (journal[0]?.usage.completion ?? 0) > 1)
    const { process: child } = house.gateway
    child.kill('SIGTERM')
    await untilLogged(house.gateway.output, '"stopping"')
    const ready = await fetch(`${house.gateway.url}/readyz`)
    expect(ready.status).toBe(503)
    child.kill('SIGINT') // hurries past the notice; the answer is still ended properly or cut with an error
    const { body } = await stream
    expect(['[DONE]', 'error'].some((end) => payloads(body).at(-1)?.includes(end))).toBe(true)
    expect(await house.gateway.stop()).toBe(0)
    const again = await house.gateway.restart()
    expect(await clientOf(again.url, account, key).held()).toBe('0')
    await again.stop()
    await house.close()
  })

  test('without hurry waits for the whole stream', async () => {
    const house = await openHouse({ slow: ['answer?chunks=12&every=100'] })
    const { key } = await house.client()
    const stream = raw({ url: house.gateway.url, key, body: chat('slow', { stream: true }) })
    await house.upstream.until((journal) => (journal[0]?.usage.completion ?? 0) > 1)
    const exit = house.gateway.stop('SIGINT')
    expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
    expect(await exit).toBe(0)
    await house.close()
  })
})

describe('the configuration', () => {
  test('is re-read on change and on SIGHUP; an invalid one is refused, and open streams go on', async () => {
    const house = await openHouse({ slow: ['answer?chunks=10&every=80'] })
    const { openai, key } = await house.client()
    const file = path.join(house.gateway.dir, 'gateway.yaml')
    const stream = raw({ url: house.gateway.url, key, body: chat('slow', { stream: true }) })
    await house.upstream.until((journal) => (journal[0]?.usage.completion ?? 0) > 0)

    fs.writeFileSync(file, configFor(house.upstream.baseUrl, { brandnew: ['answer'] }))
    await untilLogged(house.gateway.output, 'configuration reloaded')
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['brandnew'])

    fs.writeFileSync(file, 'models: 7\n')
    expect(await untilLogged(house.gateway.output, 'configuration refused')).toContain(
      'gateway.yaml:1',
    )
    const answer = await openai.chat.completions.create({ model: 'brandnew', messages: MESSAGES })
    expect(answer.choices[0]?.finish_reason).toBe('stop')

    fs.writeFileSync(file, configFor(house.upstream.baseUrl, { third: ['answer'] }))
    house.gateway.process.kill('SIGHUP')
    for (;;) {
      const ids = (await openai.models.list()).data.map(({ id }) => id)
      if (ids[0] === 'third') break
    }
    expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
    await house.close()
  })

  test('is in the audit trail whenever it was read again, with who or what had it read', async () => {
    const house = await openHouse({ words: ['answer'] })
    const { url, dir, adminKey, process, output } = house.gateway
    const reloads = async () => {
      const path = '/admin/audit?kind=config-reloaded'
      const { body } = await raw({ url, key: adminKey, method: 'GET', path })
      return (JSON.parse(body) as { data: readonly { by: string; is_in_force: boolean }[] }).data
    }
    process.kill('SIGHUP')
    await untilLogged(output, 'configuration reloaded')
    const bySignal = { by: 'signal', is_in_force: true }
    expect(await reloads()).toMatchObject([bySignal])
    fs.writeFileSync(path.join(dir, 'gateway.yaml'), 'models: 7\n')
    await untilLogged(output, 'configuration refused')
    expect(await reloads()).toMatchObject([{ by: 'file', is_in_force: false }, bySignal])
    await house.close()
  })
})

describe('the log', () => {
  test('has one line a request with all its facts, and never a prompt, an answer or a secret', async () => {
    const house = await openHouse({ words: ['answer?chunks=7'] })
    const { key, account } = await house.client()
    const { headers } = await raw({
      ...{ url: house.gateway.url, key },
      body: JSON.stringify({
        model: 'words',
        messages: [{ role: 'user', content: 'CANARY-PROMPT' }],
      }),
    })
    const id = String(headers['x-request-id'])
    const line = JSON.parse(await untilLogged(house.gateway.output, id)) as Record<string, unknown>
    expect(line).toMatchObject({
      event: 'request',
      id,
      account,
      model: 'words',
      deployment: 'fake/answer?chunks=7',
      outcome: 'finished',
    })
    for (const name of ['key', 'tokens', 'cost', 'first_byte_ms', 'total_ms', 'time'])
      expect(line).toHaveProperty(name)
    const refused = await raw({ url: house.gateway.url, key: 'tg-nope', body: chat('words') })
    const told = await untilLogged(house.gateway.output, String(refused.headers['x-request-id']))
    expect(told).toMatch(/unauthorized/i)
    const elsewhere = await raw({
      url: house.gateway.url,
      key: 'tg-nope',
      method: 'GET',
      path: '/v1/account',
    })
    expect(
      await untilLogged(house.gateway.output, String(elsewhere.headers['x-request-id'])),
    ).toMatch(/unauthorized/i)
    await house.gateway.stop()
    const folder = path.join(house.gateway.dir, 'logs')
    const files = fs
      .readdirSync(folder)
      .filter((name) => /^server\.\d{4}-\d{2}-\d{2}(\.\d+)?\.log$/.test(name))
    expect(files.length).toBe(1)
    const text = house.gateway.output() + fs.readFileSync(path.join(folder, files[0] ?? ''), 'utf8')
    for (const canary of ['CANARY-PROMPT', 'word3', key, 'upstream-secret-1'])
      expect(text).not.toContain(canary)
    await house.close()
  })
})

describe('npm start', () => {
  const scripts = fs
    .readdirSync(path.join(root, 'scripts'))
    .filter((name) => name.endsWith('.js'))
    .map((name) => path.basename(name, '.js'))

  test.each(scripts)('answers --help, as every script does: %s', async (name) => {
    const help = await runScript(name, ['--help'], { dir: os.tmpdir() })
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout.length).toBeGreaterThan(80)
  })

  test('serves in the process that was started, so that signals reach it', async () => {
    const dir = scratch()
    const env = { ...cleanEnv(dir), GATEWAY_CONFIG: path.join(root, 'config', 'gateway.yaml') }
    const child = spawn(process.execPath, [path.join(root, 'scripts', 'start.js')], {
      cwd: dir,
      env,
    })
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (text: Buffer) => {
        if (text.toString().includes('listening')) resolve()
      })
    })
    const exit = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGINT')
    expect(await exit).toBe(0)
    fs.rmSync(dir, { recursive: true })
  })
})

describe('health', () => {
  test('has the shape that its users expect, with and without a caller', async () => {
    const house = await openHouse({ words: ['answer'] })
    const get = async (at: string) =>
      (await fetch(`${house.gateway.url}${at}`)).json() as Promise<Record<string, unknown>>
    const health = await get('/health')
    expect(health).toMatchObject({
      status: 'healthy',
      service: 'tollgate',
      services: { ledger: true, snapshots: true, fake: true },
      alarms: [],
    })
    expect(new Date(String(health['timestamp'])).toISOString()).toBe(health['timestamp'])
    expect(await get('/healthz')).toEqual({ status: 'alive' })
    expect(await get('/readyz')).toEqual({ status: 'ready' })
    expect(await get('/')).toHaveProperty('version')
    await house.close()
  })
})
