// What browsers are told, and by which names the gateway is asked, as the configuration says it.
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from './support/house.ts'
import { chat, raw } from './support/raw.ts'

const EXTRA = `trusted_proxies: 127.0.0.1
hosts: [api.example.com]
security_headers: { hsts_include_subdomains: true, hsts_preload: true, xss_protection: 0 }
`
let house: House
let client: Client
beforeAll(async () => {
  house = await openHouse({ words: ['answer?chunks=2'] }, EXTRA)
  client = await house.client()
})
afterAll(() => house.close())

/** A page's `origin` is read by Node, and not on the bare connection. */
const BY_NODE = { origin: 'https://page.example' }
const talk = (headers: Record<string, string>, options = {}) =>
  raw({ url: house.gateway.url, key: client.key, headers, body: chat('words', options) })
const get = (path: string, headers: Record<string, string> = {}) =>
  raw({ url: house.gateway.url, method: 'GET', path, headers })

test('HSTS is for all below the domain and to be built in, and the filter is off, where the operator says so', async () => {
  const byTls = { 'x-forwarded-proto': 'https' }
  for (const answer of [
    await talk(byTls),
    await talk(byTls, { stream: true }),
    await talk({ ...byTls, ...BY_NODE }),
    await get('/health', byTls),
    await get('/nothing', byTls),
  ])
    expect(answer.headers).toMatchObject({
      'strict-transport-security': 'max-age=31536000; includeSubDomains; preload',
      'x-xss-protection': '0',
    })
})

test('whoever asks by a name that is not served is refused, and an address or a health check is not', async () => {
  for (const host of ['api.example.com', 'API.example.com:8088', 'localhost', '[::1]:80'])
    for (const more of [{}, BY_NODE]) expect((await talk({ host, ...more })).status).toBe(200)
  for (const host of ['evil.example', 'api.example.com.evil.example', 'xapi.example.com'])
    for (const more of [{}, BY_NODE]) {
      const { status, body } = await talk({ host, ...more })
      expect([host, status]).toEqual([host, 400])
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'invalid_request' } })
    }
  const host = 'evil.example'
  expect((await get('/docs', { host })).status).toBe(400)
  for (const probe of ['/health', '/healthz', '/readyz'])
    expect((await get(probe, { host })).status).toBe(200)
  expect((await get('/')).status).toBe(200) // by its address
})

test('both are as the file says from the moment on that it is read again', async () => {
  const file = path.join(house.gateway.dir, 'gateway.yaml')
  const before = fs.readFileSync(file, 'utf8')
  fs.writeFileSync(file, before.replace('[api.example.com]', '[]').replace(/security_.*\n/, ''))
  await raw({
    ...{ url: house.gateway.url, key: house.gateway.adminKey, path: '/admin/config/reload' },
    body: '{}',
  })
  const { status, headers } = await talk({ host: 'evil.example', 'x-forwarded-proto': 'https' })
  expect([status, headers['strict-transport-security'], headers['x-xss-protection']]).toEqual([
    ...[200, 'max-age=31536000', '1; mode=block'],
  ])
})
