import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { untilLogged } from './support/journal.ts'
import { chat, raw } from './support/raw.ts'

let probed: FaultProvider
let quiet: FaultProvider
let other: FaultProvider
let gateway: GatewayProcess
let key: string

const config = (): string => `
tiers: { free: { requests_per_minute: 0 } }
resilience: { key_off_ms: 400, breaker_open_ms: 300000 }
providers:
  - { id: probed, protocol: openai, base_url: "${probed.baseUrl}", api_keys: "one,two", probe: { every_ms: 100 } }
  - { id: quiet, protocol: openai, base_url: "${quiet.baseUrl}", api_keys: "bad" }
  - { id: other, protocol: openai, base_url: "${other.baseUrl}", api_keys: "three" }
models:
  - id: watched
    price: free
    deployments:
      - { provider: probed, model: "answer?chunks=1" }
      - { provider: other, model: "answer?chunks=2", priority: 1 }
  - id: unwatched
    price: free
    deployments:
      - { provider: quiet, model: "answer?bad_key=bad" }
      - { provider: other, model: "answer?chunks=3", priority: 1 }
`

beforeAll(async () => {
  probed = await startFaultProvider()
  quiet = await startFaultProvider()
  other = await startFaultProvider()
  gateway = await startGateway({ config: config() })
  key = (await gateway.user('user', '1000')).key
})
afterAll(async () => {
  await gateway.close()
  for (const one of [probed, quiet, other]) await one.close()
})

const ask = async (model: string): Promise<string | undefined> => {
  const { headers } = await raw({ url: gateway.url, key, body: chat(model) })
  return String(headers['x-tollgate-provider'])
}

type Probe = { at: string; ms: number; result: string; detail: string | null }
type State = { id: string; deployments: { state: string; last_probe: Probe | null }[] }

const stateOf = async (id: string) => {
  const path = '/admin/providers'
  const { body } = await raw({ url: gateway.url, key: gateway.adminKey, method: 'GET', path })
  const { providers } = JSON.parse(body) as { providers: State[] }
  return providers.find((one) => one.id === id)?.deployments ?? []
}

/** As soon as the keys of a provider are in these states. */
async function until(provider: string, ...states: string[]) {
  for (;;) {
    const deployments = await stateOf(provider)
    if (deployments.every(({ state }, at) => state === states[at])) return deployments
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const services = async (): Promise<unknown> => {
  const { body } = await raw({ url: gateway.url, method: 'GET', path: '/health' })
  return (JSON.parse(body) as { services: unknown }).services
}

test('a provider whose probes fail is asked last before any request has found out, and first when they succeed', async () => {
  expect(await ask('watched')).toBe('probed')
  probed.list.status = 503
  const [down] = await until('probed', 'open', 'open')
  expect(down?.last_probe).toMatchObject({ result: 'down' })
  expect(await services()).toMatchObject({ probed: false, other: true })
  expect(await ask('watched')).toBe('other')
  gateway.process.kill('SIGHUP')
  await untilLogged(gateway.output, 'configuration reloaded')
  expect(await ask('watched')).toBe('other')
  probed.list.status = 200
  const [well] = await until('probed', 'ready', 'ready')
  expect(well?.last_probe).toMatchObject({ result: 'well', detail: null })
  expect(Date.now() - Date.parse(well?.last_probe?.at ?? '')).toBeLessThan(60_000)
  expect(await ask('watched')).toBe('probed')
  expect(probed.journal).toHaveLength(2)
})

test('each key is probed with its own, and a refused one is off and back again without a request', async () => {
  expect(new Set(probed.list.asked)).toEqual(new Set(['Bearer one', 'Bearer two']))
  probed.list.badKey = 'two'
  await until('probed', 'ready', 'off')
  probed.list.badKey = undefined
  await until('probed', 'ready', 'ready')
  expect(await untilLogged(gateway.output, 'takes its key again')).toContain('"provider":"probed"')
})

test('a refused key of a provider that is not probed is asked about once it is due, and no request has to try', async () => {
  expect(await ask('unwatched')).toBe('other')
  expect((await stateOf('quiet')).map(({ state }) => state)).toEqual(['off'])
  expect(quiet.list.asked).toEqual([])
  await until('quiet', 'ready')
  expect(quiet.list.asked).toEqual(['Bearer bad'])
  expect(quiet.journal).toHaveLength(1)
  expect(gateway.output()).not.toContain('Bearer bad')
})
