import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { root, startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { settledOf } from './support/journal.ts'
import { scrape } from './support/metrics.ts'
import { chat, payloads, raw } from './support/raw.ts'

let gateway: GatewayProcess
let upstream: FaultProvider
let key: string

type Place = Readonly<{ model: string; provider?: string; input?: number }>
const quick = (id: string, more: Partial<Place> = {}): Place => ({
  ...{ model: `answer?chunks=2&n=${id}`, provider: 'p1', ...more },
})

/** What hedges, by its rule; and who is asked first and second. */
const MODELS: Readonly<Record<string, readonly [rule: string, ...Place[]]>> = {
  late: ['after_ms: 100, max_extra: 1', { model: 'answer?hang&n=late' }, quick('late')],
  punctual: ['after_ms: 1000, max_extra: 1', quick('first', { provider: 'p0' }), quick('second')],
  sparing: ['after_ms: 50, max_extra: 0.5', { model: 'answer?delay=400' }, quick('sparing')],
  dearer: [
    'after_ms: 50, max_extra: 1',
    { model: 'answer?delay=300&n=dear' },
    quick('dear', { input: 3 }),
  ],
  same: [
    'after_ms: 50, max_extra: 1',
    { model: 'answer?delay=300&n=same' },
    quick('same', { provider: 'p0' }),
  ],
  failing: [
    'after_ms: 50, max_extra: 1',
    { model: 'answer?delay=200&status=500' },
    { model: 'answer?delay=400&n=f', provider: 'p1' },
  ],
  hopeless: [
    'after_ms: 50, max_extra: 1',
    { model: 'answer?delay=200&status=500&n=h' },
    { model: 'answer?delay=300&status=500', provider: 'p1' },
    quick('h', { provider: 'p2' }),
  ],
  ahead: [
    'after_ms: 50, max_extra: 1',
    { model: 'answer?delay=400&n=a' },
    { model: 'answer?delay=20000&n=a', provider: 'p1' },
  ],
  usual: ['after: p95, max_extra: 1', { model: 'answer?late=20&delay=20000' }, quick('usual')],
}

const config = (): string => `
accounting: { credits_per_usd: 1000000, default_max_output: 100 }
tiers: { free: { requests_per_minute: 0 } }
resilience: { breaker_failures: 1000, retry_percent: 100 }
providers:
${['p0', 'p1', 'p2'].map((id) => `  - { id: ${id}, protocol: openai, base_url: "${upstream.baseUrl}", api_keys: k }`).join('\n')}
models:
${Object.entries(MODELS)
  .map(
    ([id, [rule, ...places]]) => `  - id: ${id}
    price: { input: 2, output: 8 }
    hedge: { ${rule} }
    deployments:
${places.map(({ model, provider = 'p0', input = 2 }) => `      - { provider: ${provider}, model: "${model}", price: { input: ${input}, output: 8 } }`).join('\n')}`,
  )
  .join('\n')}
`

beforeAll(async () => {
  upstream = await startFaultProvider()
  gateway = await startGateway({ config: config() })
  key = (await gateway.user('user', '1000000')).key
})
afterAll(async () => {
  await gateway.stop()
  await promisify(execFile)(process.execPath, [path.join(root, 'scripts', 'audit.js')], {
    env: { PATH: process.env['PATH'], DB_DIR: path.join(gateway.dir, 'db') },
  })
  await gateway.close()
  await upstream.close()
})

async function ask(model: string, stream = true) {
  const before = upstream.journal.length
  const { headers, body, status } = await raw({
    url: gateway.url,
    key,
    body: chat(model, { stream }),
  })
  const id = String(headers['x-request-id'])
  const calls = upstream.journal.slice(before)
  return {
    status,
    body,
    provider: headers['x-tollgate-provider'],
    calls,
    settled: settledOf(gateway.dir, id),
  }
}

test('whose first token is late is left for the next one, which the caller pays alone', async () => {
  const { provider, body, calls, settled } = await ask('late')
  expect(provider).toBe('p1')
  expect(payloads(body).at(-1)).toBe('[DONE]')
  expect(calls).toHaveLength(2)
  await upstream.until(() => calls[0]?.ended === 'caller_left')
  const { prompt = 0, completion = 0 } = calls[1]?.usage ?? {}
  const cost = String((prompt * 2 + completion * 8) * 1_000_000)
  expect(settled).toMatchObject({
    ...{ outcome: 'finished', deployment: 'p1/answer?chunks=2&n=late', cost, amount: cost },
    attempts: [
      {
        deployment: 'p0/answer?hang&n=late',
        fault: 'outrun',
        cost: expect.stringMatching(/^[1-9]/) as string,
      },
      { deployment: 'p1/answer?chunks=2&n=late' },
    ],
  })
})

test('who is in time is not hurried, and what is not streamed is not either', async () => {
  expect((await ask('punctual')).calls).toHaveLength(1)
  expect((await ask('sparing', false)).calls).toHaveLength(1)
})

test('no more is asked twice than the operator allows', async () => {
  const counts = []
  for (let count = 0; count < 6; count++) counts.push((await ask('sparing')).calls.length)
  expect(counts).toEqual([1, 2, 1, 2, 1, 2])
})

test.each(['dearer', 'same'])('nobody is asked beside the first who is %s', async (model) => {
  expect((await ask(model)).calls).toHaveLength(1)
})

test('when the first fails meanwhile the other one answers, and when both do the next', async () => {
  const one = await ask('failing')
  expect([one.provider, one.status]).toEqual(['p1', 200])
  expect(one.settled['attempts']).toMatchObject([
    { fault: 'server' },
    { deployment: 'p1/answer?delay=400&n=f' },
  ])
  const two = await ask('hopeless')
  expect([two.provider, two.status]).toEqual(['p2', 200])
  expect(two.settled['attempts']).toMatchObject([{ fault: 'server' }, { fault: 'server' }, {}])
})

test('late is what is later than the deployment usually is', async () => {
  for (let count = 0; count < 20; count++) expect((await ask('usual')).provider).toBe('p0')
  expect((await ask('usual')).provider).toBe('p1')
})

test('operators see how many were asked beside others, and what came of it', async () => {
  const hedges = async (): Promise<readonly number[]> => {
    const { sum } = await scrape(gateway.url, gateway.adminKey)
    const of = (model: string, result: string) => sum('api_gateway_hedges_total', { model, result })
    const isRetried = sum('api_gateway_fallbacks_total', { reason: 'outrun' })
    return [of('late', 'won'), of('ahead', 'lost'), of('hopeless', 'failed'), isRetried]
  }
  const before = await hedges()
  for (const model of ['late', 'ahead', 'hopeless']) expect((await ask(model)).status).toBe(200)
  expect((await hedges()).map((count, at) => count - (before[at] ?? 0))).toEqual([1, 1, 1, 0])
})
