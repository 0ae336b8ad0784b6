// What is known of a provider's keys: when their list is edited and the configuration read again, and where their provider is gone.
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { ofKind } from './support/journal.ts'
import { chat, raw } from './support/raw.ts'

type Keys = Readonly<{ rotated?: string; turned?: string }>

const config = (baseUrl: string, { rotated = 'bad,good', turned = 'one,two,three' }: Keys = {}) => `
accounting: { credits_per_usd: 1000000, default_max_output: 100 }
tiers: { free: { requests_per_minute: 0 } }
providers:
  - { id: rotated, protocol: openai, base_url: "${baseUrl}", api_keys: "${rotated}" }
  - { id: turned, protocol: openai, base_url: "${baseUrl}", api_keys: "${turned}" }
  - { id: dead, protocol: openai, base_url: "http://127.0.0.1:9/v1", api_keys: "one,two,three" }
  - { id: alive, protocol: openai, base_url: "${baseUrl}", api_keys: one }
models:
  - id: rotated
    price: free
    affinity: false
    deployments: [{ provider: rotated, model: "answer?bad_key=bad" }]
  - id: dead
    price: free
    deployments:
      - { provider: dead, model: "answer?dead" }
      - { provider: alive, model: "answer?chunks=2", priority: 1 }
  - id: turned
    price: free
    strategy: round-robin
    deployments: [{ provider: turned, model: "answer?chunks=1" }]
`

let upstream: FaultProvider
let gateway: GatewayProcess
let key: string

beforeAll(async () => {
  upstream = await startFaultProvider()
  gateway = await startGateway({ config: config(upstream.baseUrl) })
  key = (await gateway.user('user', '1000')).key
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

const admin = async (method: string, at: string, body?: object) => {
  const asked = { url: gateway.url, key: gateway.adminKey, method, path: at }
  const answer = await raw({ ...asked, ...(body && { body: JSON.stringify(body) }) })
  return JSON.parse(answer.body) as unknown
}

async function reload(keys: Keys): Promise<void> {
  const file = path.join(gateway.dir, 'gateway.yaml')
  const overload = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^overload:/.test(line))
  fs.writeFileSync(file, `${config(upstream.baseUrl, keys)}${overload.join('\n')}\n`)
  expect(await admin('POST', '/admin/config/reload', {})).toEqual({ ok: true, problems: [] })
}

type State = { id: string; deployments: { key_number: number; state: string }[] }
const statesOf = async (provider: string) => {
  const { providers } = (await admin('GET', '/admin/providers')) as { providers: State[] }
  return providers.find(({ id }) => id === provider)?.deployments.map(({ state }) => state)
}

/** By which keys the provider was asked for six requests. */
async function usedFor(model: string): Promise<string[]> {
  const before = upstream.journal.length
  for (let count = 0; count < 6; count++) {
    expect((await raw({ url: gateway.url, key, body: chat(model) })).status).toBe(200)
  }
  const used = upstream.journal.slice(before).map(({ authorization }) => authorization ?? '')
  return [...new Set(used)].toSorted()
}

test('an address where nobody is costs one attempt of a request, however many keys there are for it', async () => {
  for (let count = 0; count < 3; count++) {
    const { status, headers } = await raw({ url: gateway.url, key, body: chat('dead') })
    expect([status, headers['x-tollgate-attempts']]).toEqual([200, '2'])
  }
})

test('a refused key that is taken out of the list takes nothing from the one that gets its number', async () => {
  expect(await usedFor('rotated')).toEqual(['Bearer bad', 'Bearer good'])
  expect(await statesOf('rotated')).toEqual(['off', 'ready'])
  await reload({ rotated: 'good' })
  expect(await statesOf('rotated')).toEqual(['ready'])
  await reload({ rotated: 'good,bad' })
  expect(await statesOf('rotated')).toEqual(['ready', 'ready'])
})

test('a key that comes in the place of a refused one begins afresh', async () => {
  await reload({ rotated: 'bad' })
  expect((await raw({ url: gateway.url, key, body: chat('rotated') })).status).toBe(503)
  expect(await statesOf('rotated')).toEqual(['off'])
  await reload({ rotated: 'new' })
  expect(await statesOf('rotated')).toEqual(['ready'])
  expect(await usedFor('rotated')).toEqual(['Bearer new'])
})

test('a key that is switched off stays so under any number, over a restart, and takes no other one with it', async () => {
  await admin('POST', '/admin/providers/turned', { state: 'off', key_number: 2 })
  expect(await usedFor('turned')).toEqual(['Bearer one', 'Bearer three'])
  await reload({ turned: 'one,three' })
  expect(await usedFor('turned')).toEqual(['Bearer one', 'Bearer three'])
  await reload({ turned: 'two,three,one' })
  expect(await usedFor('turned')).toEqual(['Bearer one', 'Bearer three'])
  await gateway.stop()
  gateway = await gateway.restart()
  expect(await statesOf('turned')).toEqual(['ready', 'off', 'ready'])
  await admin('POST', '/admin/providers/turned', { state: 'on', key_number: 2 })
  expect(await usedFor('turned')).toEqual(['Bearer one', 'Bearer three', 'Bearer two'])
  const targets = ofKind(gateway.dir, 'switch').map(({ target }) => String(target))
  expect(new Set(targets)).toEqual(new Set([expect.stringMatching(/^key turned@[0-9a-f]{8}$/)]))
})
