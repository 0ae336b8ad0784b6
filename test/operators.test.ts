// What operators see of the whole house, over HTTP and on the command line.
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminHealthRoutes } from '../src/http/routes/admin-health.ts'
import type { GatewayProcess } from './support/gateway-process.ts'
import { openHouse, type House } from './support/house.ts'
import { raw } from './support/raw.ts'
import { runScript } from './support/script.ts'

let house: House
let gateway: GatewayProcess
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=5'] })
  gateway = house.gateway
})
afterAll(() => house.close())

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
