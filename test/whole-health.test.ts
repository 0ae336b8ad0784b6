// The health of the whole, where something runs, waits, or was copied.
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'
import { runScript } from './support/script.ts'
import { sealSegments } from './support/seal-segments.ts'

let house: House
beforeAll(async () => {
  const env = {
    JWT_SECRET_KEY: 'k9fK2mQ7xW4bT8zR1cV6nY3pL5sD0gHq',
    NODE_OPTIONS: '--max-old-space-size=256', // of a heap that is small enough any use is some percent
  }
  const extra = 'webhooks: { allowed_networks: 127.0.0.1 }'
  house = await openHouse({ patient: ['answer?every=300&chunks=20'] }, extra, env)
})
afterAll(async () => {
  await house.gateway.stop() // the one that was started again
  await house.close()
})

type Json = Readonly<Record<string, unknown>>
type Health = Readonly<Record<'journal' | 'load' | 'webhooks', Json>> & Json

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const { url, adminKey: key } = house.gateway
  const asked = { url, key, method, path, ...(body && { body: JSON.stringify(body) }) }
  return JSON.parse((await raw(asked)).body) as T
}
const health = () => ask<Health>('GET', '/admin/health')

test('knows what runs, and since when credit is held for it', async () => {
  expect(await health()).toMatchObject({
    load: { refused: 'nothing', in_flight: 0, streams: 0 },
    journal: { open_holds: 0, oldest_hold_at: null },
  })
  const { key } = await house.gateway.user('patient', '1000')
  const [caller, before] = [new AbortController(), Date.now()]
  const running = fetch(`${house.gateway.url}/v1/chat/completions`, {
    ...{ method: 'POST', signal: caller.signal, body: chat('patient', { stream: true }) },
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  })
  const held = { load: { in_flight: 1, streams: 1 }, journal: { open_holds: 1 } }
  await expect.poll(health, { timeout: 20_000, interval: 10 }).toMatchObject(held)
  const { body } = await running
  const since = String((await health()).journal['oldest_hold_at'])
  expect(Date.parse(since)).toBeGreaterThanOrEqual(before)
  await body?.cancel()
  const free = { load: { in_flight: 0, streams: 0 }, journal: { open_holds: 0 } }
  await expect.poll(health).toMatchObject(free)
})

test('tells everybody with a key what stands behind the address, and how it is, under the names of /health', async () => {
  const { key } = await house.gateway.user('asking', '0')
  const told = async () => {
    const { url } = house.gateway
    const { body } = await raw({ url, key, method: 'GET', path: '/services' })
    return (JSON.parse(body) as { services: Json[] }).services
  }
  const all = await told()
  const { services } = await ask<{ services: Json }>('GET', '/health')
  expect(Object.fromEntries(all.map(({ name, healthy }) => [name, healthy]))).toEqual(services)
  expect(all.map(({ name, kind }) => [name, kind])).toEqual([
    ['ledger', 'gateway'],
    ['snapshots', 'gateway'],
    ['fake', 'provider'],
  ])
  expect(all[2]).toMatchObject({
    ...{ healthy: true, protocol: 'openai', path_prefix: '/v1', auth_required: true },
    timeout_ms: 8_000,
  })
  expect(JSON.stringify(all)).not.toContain('http')
  await ask('POST', '/admin/providers/fake', { state: 'off' })
  expect((await told())[2]).toMatchObject({ name: 'fake', healthy: false })
  await ask('POST', '/admin/providers/fake', { state: 'on' })
})

test('knows what receivers have not taken yet, when the books were copied, and since when it runs', async () => {
  const before = Date.now()
  const none = { receivers: 0, waiting: 0, oldest_waiting_at: null }
  expect(await health()).toMatchObject({ webhooks: none, journal: { backup_at: null } })
  await ask('POST', '/admin/webhooks', { url: 'http://127.0.0.1:9/away' })
  await ask('POST', '/admin/webhooks/test', {})
  const { webhooks, started_at: started } = await health()
  expect(webhooks).toMatchObject({ receivers: 1, waiting: 1 })
  expect(Date.parse(String(webhooks['oldest_waiting_at']))).toBeGreaterThanOrEqual(before)
  expect(Date.parse(String(started))).toBeGreaterThan(before - 600_000)
  expect((await runScript('backup', [], house.gateway)).code).toBe(0)
  const at = Date.parse(String((await health()).journal['backup_at']))
  expect(at).toBeGreaterThanOrEqual(Math.floor(before / 1_000) * 1_000)
})

test('says by an alarm that requests are refused for want of memory, as long as they are', async () => {
  const file = path.join(house.gateway.dir, 'gateway.yaml')
  const before = fs.readFileSync(file, 'utf8')
  const calm = { alarms: [], load: { refused: 'nothing' } }
  expect(await health()).toMatchObject(calm)
  fs.writeFileSync(file, before.replace('overload: {', 'overload: { heap_all_percent: 1,'))
  await ask('POST', '/admin/config/reload', {})
  const alarm = { status: 'healthy', alarms: ['overloaded'], load: { refused: 'all' } }
  await expect.poll(health, { timeout: 20_000 }).toMatchObject(alarm)
  const { key } = await house.gateway.user('refused', '1000')
  const answer = await raw({ url: house.gateway.url, key, body: chat('patient') })
  expect([answer.status, answer.body]).toEqual([503, expect.stringContaining('overloaded')])
  fs.writeFileSync(file, before)
  await ask('POST', '/admin/config/reload', {})
  await expect.poll(health, { timeout: 20_000 }).toMatchObject(calm)
})

test('knows when the last snapshot was made', async () => {
  expect(await health()).toMatchObject({ journal: { snapshot_at: null } })
  const stopped = house.gateway
  await stopped.stop()
  const before = Date.now()
  await sealSegments(path.join(stopped.dir, 'db'), 'patient')
  const after = Date.now()
  house = { ...house, gateway: await stopped.restart() }
  const at = Date.parse(String((await health()).journal['snapshot_at']))
  expect(at).toBeGreaterThanOrEqual(Math.floor(before / 1_000) * 1_000)
  expect(at).toBeLessThanOrEqual(after)
})
