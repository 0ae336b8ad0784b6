import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { auditFolder } from '../../src/wiring/audit.ts'
import { startFaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway, userArgs } from '../support/gateway-process.ts'
import { configFor, costOf } from '../support/house.ts'
import { ofKind, untilLogged } from '../support/journal.ts'
import { planted } from '../support/planted.ts'
import { chat, payloads, raw } from '../support/raw.ts'

const MODELS = {
  slow: ['answer?chunks=40&every=50'],
  long: ['answer?chunks=200&every=50'],
  words: ['answer?chunks=2'],
}

/** A gateway in which something is planted that SIGUSR2 sets off, with one stream under way. */
async function opened(plant: string, { extra = '', model = 'slow' } = {}) {
  const upstream = await startFaultProvider()
  const gateway = await startGateway({
    config: configFor(upstream.baseUrl, MODELS, extra).replace('total_ms: 8000', 'total_ms: 60000'),
    env: { ...planted(plant), STOP_NOTICE_MS: '1000' },
  })
  onTestFinished(async () => {
    await gateway.close()
    await upstream.close()
  })
  const { url, process: child } = gateway
  const { key } = await gateway.issue(userArgs('user', '1000000'))
  const ask = (model: string, more: object = {}) => raw({ url, key, body: chat(model, more) })
  const stream = ask(model, { stream: true })
  await upstream.until((journal) => (journal[0]?.usage.completion ?? 0) > 1)
  const get = (at: string) => raw({ url, key, method: 'GET', path: at })
  return { gateway, upstream, ask, get, stream, setOff: () => child.kill('SIGUSR2') }
}

const findings = (dir: string) => auditFolder({ db: path.join(dir, 'db') }).findings

/** By the next start: what the provider had sent by the last note of it, and not more than it sent at all. */
test('F05: a gateway killed in the middle of a stream charges what came by its last note', async () => {
  const { gateway, upstream, stream } = await opened('none', { model: 'long' })
  const cut = stream.catch(() => 'cut')
  const noted = () => ofKind(gateway.dir, 'progress').map(({ cost }) => Number(cost))
  // The first note is about the prompt; one of what came follows every two seconds.
  await expect.poll(() => noted().length, { timeout: 25_000 }).toBeGreaterThan(1)
  await gateway.stop('SIGKILL')
  expect(JSON.stringify(await cut)).not.toContain('[DONE]')
  const last = Math.max(...noted())
  const again = await gateway.restart()
  await again.stop()
  const [settle] = ofKind(gateway.dir, 'settle')
  expect(settle).toMatchObject({ outcome: 'killed', amount: String(last) })
  expect(last).toBeLessThanOrEqual(
    1e6 * costOf({ prompt: 20, completion: 2 * (upstream.journal[0]?.usage.completion ?? 0) }),
  )
  expect(findings(gateway.dir)).toEqual([])
})

test('F11: of 500 streams that run when SIGTERM comes none is cut', async () => {
  const upstream = await startFaultProvider()
  const gateway = await startGateway({
    config: configFor(
      upstream.baseUrl,
      { paced: ['answer?chunks=12&every=300'] },
      'limits: { key_in_flight_max: 0, account_in_flight_max: 0 }',
    )
      .replace('total_ms: 8000', 'total_ms: 60000')
      .replace('first_byte_ms: 1500, idle_ms: 1500', 'first_byte_ms: 30000, idle_ms: 30000'),
    env: { STOP_NOTICE_MS: '1000' },
  })
  const { key } = await gateway.issue(userArgs('user', '100000000'))
  const streams = Array.from({ length: 500 }, () =>
    raw({ url: gateway.url, key, body: chat('paced', { stream: true }) }),
  )
  await upstream.until((journal) => journal.length === 500)
  expect(await gateway.stop('SIGTERM')).toBe(0)
  const ends = (await Promise.all(streams)).map(({ body }) => payloads(body).at(-1))
  expect(ends.filter((end) => end !== '[DONE]')).toEqual([])
  expect(findings(gateway.dir)).toEqual([])
  await upstream.close()
  fs.rmSync(gateway.dir, { recursive: true })
}, 60_000)

test.each(['throw', 'reject'])(
  'F13: a bug that nobody caught (%s) is logged, what runs ends well, and the exit says so',
  async (plant) => {
    const { gateway, stream, setOff } = await opened(plant)
    const exit = new Promise((resolve) => gateway.process.once('exit', resolve))
    setOff()
    expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
    expect(await exit).toBe(70)
    expect(gateway.output()).toMatch(/a planted (exception|rejection)/)
    expect(findings(gateway.dir)).toEqual([])
  },
)

/** Five seconds, which is longer than the silence that a stream may have here: what came meanwhile is read first. */
test('F16: after a blocked event loop new requests are sent away, what runs goes on, and it passes', async () => {
  const { gateway, ask, get, stream, setOff } = await opened('block:5000', {
    extra: 'overload: {}',
  })
  setOff()
  await untilLogged(gateway.output, 'blocking')
  const [refused, list, health, admin] = await Promise.all([
    ask('words'),
    get('/v1/models'),
    get('/health'),
    raw({ url: gateway.url, key: gateway.adminKey, method: 'GET', path: '/admin/providers' }),
  ])
  for (const { status, body, headers } of [refused, list]) {
    expect(status).toBe(503)
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'overloaded', type: 'api_error' } })
    expect(headers['x-should-retry']).toBe('true')
    expect(Number(headers['retry-after-ms'])).toBeGreaterThanOrEqual(1_000)
    expect(Number(headers['retry-after-ms'])).toBeLessThanOrEqual(5_000)
    expect(headers['retry-after']).toMatch(/^[1-5]$/)
  }
  expect([health.status, admin.status]).toEqual([200, 200])
  expect(JSON.parse(health.body)).toMatchObject({ alarms: ['overloaded'] })
  expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
  await expect.poll(async () => (await ask('words')).status, { timeout: 25_000 }).toBe(200)
  expect(await untilLogged(gateway.output, 'overloaded: new requests')).toContain('loop_delay_ms')
})

test('F38: a clock set a day forward and then back ends no hold early and keeps the order of the books', async () => {
  const { gateway, ask, stream, setOff } = await opened('clock:86400000')
  for (const turn of ['+', '-']) {
    setOff()
    await untilLogged(gateway.output, `the clock was set: ${turn}`)
    expect((await ask('words')).status).toBe(200)
  }
  expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
  await gateway.stop()
  expect(findings(gateway.dir)).toEqual([])
  await (await gateway.restart()).stop()
  expect(findings(gateway.dir)).toEqual([])
})

test('when its memory is nearly used up the process drains and makes room for another', async () => {
  const { gateway, ask, stream } = await opened('none')
  const exit = new Promise((resolve) => gateway.process.once('exit', resolve))
  const file = path.join(gateway.dir, 'gateway.yaml')
  const config = fs
    .readFileSync(file, 'utf8')
    .replace('loop_delay_all_ms', 'memory_bytes_max: 1, $&')
  fs.writeFileSync(file, config)
  await untilLogged(gateway.output, 'the memory is nearly used up')
  expect((await ask('words')).status).toBe(503)
  expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
  expect(await exit).toBe(75)
  expect(findings(gateway.dir)).toEqual([])
})
