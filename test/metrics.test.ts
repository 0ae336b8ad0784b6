import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { MESSAGES, openHouse, type Client, type House } from './support/house.ts'
import { ofKind, readJournal, untilLogged } from './support/journal.ts'
import { cleanEnv, root, startGateway } from './support/gateway-process.ts'
import { scrape, type Scrape } from './support/metrics.ts'

/** The upstream's names say what it does. */
const MODELS = {
  plain: ['answer?chunks=4'],
  failing: ['answer?status=500', 'answer?chunks=3'],
  cut: ['answer?chunks=6&cut=2'],
  down: ['answer?status=503'],
  endless: ['answer?chunks=100000&every=5'],
}
const WILDCARD = `
  - id: any/*
    price: { input: 2, output: 8 }
    max_output: 4096
    deployments:
      - { provider: fake, model: "answer?chunks=2&n=*" }
`

let house: House
let client: Client
beforeAll(async () => {
  house = await openHouse(MODELS, WILDCARD)
  client = await house.client('100000')
  await traffic()
})
afterAll(() => house.close())

const scraped = (): Promise<Scrape> => scrape(house.gateway.url, house.gateway.adminKey)

async function call(model: string, stream = false): Promise<void> {
  const { completions } = client.openai.chat
  if (!stream) {
    await completions.create({ model, messages: MESSAGES })
    return
  }
  for await (const chunk of await completions.create({ model, messages: MESSAGES, stream })) {
    if (model === 'endless' && chunk.choices[0]?.delta.content) break
  }
}

/** Answers, fallbacks, cuts, failures, and a caller who leaves. */
async function traffic(): Promise<void> {
  await call('plain')
  await call('plain', true)
  await call('any/thing', true)
  await call('failing', true)
  await expect(call('cut', true)).rejects.toThrow()
  await expect(call('down')).rejects.toThrow()
  await call('endless', true)
  const settles = (): number => ofKind(house.gateway.dir, 'settle').length
  await vi.waitUntil(() => settles() === 7, { timeout: 20_000 })
}

const sumOf = (of: (settle: Record<string, unknown>) => number): number =>
  ofKind(house.gateway.dir, 'settle').reduce((sum, settle) => sum + of(settle), 0)

test('tokens and money are those of the ledger, to the unit', async () => {
  const { sum } = await scraped()
  for (const kind of ['input', 'output']) {
    const tokens = sumOf(({ usage }) => (usage as Record<string, number>)[kind] ?? 0)
    expect(tokens).toBeGreaterThan(0)
    expect(sum('api_gateway_tokens_charged_total', { kind })).toBe(tokens)
    expect(sum(`gen_ai_client_inference_usage_${kind}_tokens_total`)).toBe(tokens)
    const seen = sum('gen_ai_client_token_usage_sum', { gen_ai_token_type: kind })
    expect(seen).toBe(tokens)
  }
  const charged = sumOf(({ amount }) => Number(amount))
  const cost = sumOf((settle) => Number(settle['cost']))
  expect(cost).toBeGreaterThan(charged)
  expect(sum('api_gateway_charged_microcredits_total')).toBe(charged)
  expect(sum('api_gateway_overrun_microcredits_total')).toBe(cost - charged)
  expect(sum('api_gateway_cost_usd_total')).toBeCloseTo(cost / 1e12, 12)
  const { balance, held } = { balance: await client.balance(), held: await client.held() }
  expect(Number(balance)).toBe(100_000 - charged / 1e6)
  expect([held, sum('api_gateway_holds_open')]).toEqual(['0', 0])
})

test('every attempt is counted, with what came of it and where it went on', async () => {
  const { sum } = await scraped()
  const attempts = ofKind(house.gateway.dir, 'settle').flatMap(
    ({ attempts: list }) => list as { fault?: string }[],
  )
  expect(sum('api_gateway_provider_attempts_total')).toBe(attempts.length)
  expect(sum('api_gateway_provider_attempts_total', { model: 'failing', outcome: 'server' })).toBe(
    1,
  )
  expect(
    sum('api_gateway_provider_attempts_total', { model: 'failing', outcome: 'answered' }),
  ).toBe(1)
  expect(
    sum('api_gateway_fallbacks_total', {
      from: 'fake/answer?status=500',
      to: 'fake/answer?chunks=3',
      reason: 'server',
    }),
  ).toBe(1)
  expect(sum('api_gateway_retries_total', { provider: 'fake' })).toBe(1)
  expect(sum('api_gateway_streams_aborted_total', { side: 'upstream' })).toBe(1)
  expect(sum('api_gateway_streams_aborted_total', { side: 'client' })).toBe(1)
  expect(sum('api_gateway_deployment_up', { deployment: 'fake/answer?chunks=4' })).toBe(1)
})

test('a request over HTTP is counted under its route, whatever its path was', async () => {
  const before = await scraped()
  for (const path of ['/v1/models/a', '/v1/models/b', '/v1/chat/nothing', '/wp-login.php']) {
    await fetch(`${house.gateway.url}${path}`, { headers: { authorization: 'Bearer no' } })
  }
  const after = await scraped()
  const more = (labels: Record<string, string>): number =>
    after.sum('api_gateway_requests_total', labels) -
    before.sum('api_gateway_requests_total', labels)
  expect(more({ endpoint: '/v1/models/*id', method: 'GET', status: '401' })).toBe(2)
  expect(more({ endpoint: 'other', status: '404' })).toBe(2)
  const chat = { endpoint: '/v1/chat/completions', method: 'POST' }
  expect(after.sum('api_gateway_requests_total', { ...chat, status: '200' })).toBe(6)
  expect(after.sum('api_gateway_requests_total', { ...chat, status: '503' })).toBe(1)
  expect(after.sum('api_gateway_request_duration_seconds_count', chat)).toBe(7)
})

test('what callers make up adds no series, and no secret is shown', async () => {
  const invent = async (word: string): Promise<void> => {
    for (const model of [`canary-${word}`, `any/canary-${word}`, `x"} evil_${word} 1\n`]) {
      await call(model, true).catch(() => undefined)
    }
    const authorization = `Bearer canary-key-${word}`
    await fetch(`${house.gateway.url}/v1/models/canary-${word}`, { headers: { authorization } })
    await fetch(`${house.gateway.url}/canary-${word}`, { method: 'PURGE' }).catch(() => undefined)
  }
  await invent('one')
  const before = await scraped()
  for (const word of ['two', 'three', 'four']) await invent(word)
  const after = await scraped()
  const names = ({ samples }: Scrape): string[] =>
    samples
      .filter(({ name }) => /^(?:api_gateway|gen_ai)_/.test(name))
      .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
  expect(names(after)).toEqual(names(before))
  expect(after.sum('api_gateway_provider_attempts_total', { model: 'any/*' })).toBe(5)
  for (const secret of ['canary', 'evil', client.key, 'upstream-secret', house.gateway.adminKey]) {
    expect(after.text).not.toContain(secret)
  }
})

test('on the main port they are for admins alone', async () => {
  await expect(scrape(house.gateway.url)).rejects.toThrow('401')
  await expect(scrape(house.gateway.url, client.key)).rejects.toThrow('403')
  const { adminKey, url } = house.gateway
  const alias = await fetch(`${url}/monitoring/metrics`, {
    headers: { 'x-api-key': adminKey },
  })
  expect(alias.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  expect(await alias.text()).toContain('api_gateway_build_info{version="')
})

test('on a port of their own they need no key, and are not on the main one', async () => {
  const config = fs.readFileSync(path.join(house.gateway.dir, 'gateway.yaml'), 'utf8')
  const gateway = await startGateway({ config, env: { PROMETHEUS_METRICS_PORT: '0' } })
  try {
    const line = await untilLogged(gateway.output, '"message":"metrics"')
    const { port } = JSON.parse(line) as { port: number }
    const { sum } = await scrape(`http://127.0.0.1:${port}`)
    expect(sum('api_gateway_build_info')).toBe(1)
    await expect(scrape(gateway.url, gateway.adminKey)).rejects.toThrow('404')
    const other = await fetch(`http://127.0.0.1:${port}/v1/account`)
    expect(other.status).toBe(404)
  } finally {
    await gateway.close()
  }
})

test('the journal and the last backup are shown as they are on the disk', async () => {
  const { dir, adminKey } = house.gateway
  const before = await scraped()
  expect(before.sum('api_gateway_journal_segment_bytes')).toBe(
    before.sum('api_gateway_store_written_bytes_total'),
  )
  expect(before.sum('api_gateway_journal_entries_total')).toBe(readJournal(dir).length)
  expect(before.text).not.toMatch(/^api_gateway_backup_last_success_timestamp_seconds \d/m)
  const began = Date.now()
  const script = path.join(root, 'scripts', 'backup.js')
  const env = { ...cleanEnv(dir), ADMIN_FIRST: adminKey }
  await promisify(execFile)(process.execPath, [script, '--to', path.join(dir, 'backups')], { env })
  const { sum } = await scraped()
  const seconds = sum('api_gateway_backup_last_success_timestamp_seconds')
  expect(seconds * 1_000).toBeGreaterThan(began - 2_000)
})
