import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startFaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from '../support/gateway-process.ts'
import { configFor, costOf } from '../support/house.ts'
import { checkInvariants } from '../support/invariants.ts'
import { ofKind, untilLogged } from '../support/journal.ts'
import { planted } from '../support/planted.ts'
import { markedChat, payloads, raw, type RawAnswer } from '../support/raw.ts'
import { warmBaseOf } from '../support/returned.ts'
import { checkBooks } from '../support/true-books.ts'

const MODELS = {
  slow: ['answer?chunks=40&every=50'],
  long: ['answer?chunks=200&every=50'],
  words: ['answer?chunks=2'],
  paced: ['answer?chunks=12&every=300'],
  unsaid: ['answer?usage=none'],
}

/** Of all of a test's callers together. */
const UNLIMITED = 'limits: { key_in_flight_max: 0, account_in_flight_max: 0 }\n'

/** A gateway in which something is planted that SIGUSR2 sets off, and `callers` of one stream each. */
async function opened(
  plant: string,
  { extra = '', model = 'slow', callers = 1, silenceMs = 1_500, stays = false } = {},
) {
  const upstream = await startFaultProvider()
  const gateway = await startGateway({
    config: configFor(upstream.baseUrl, MODELS, UNLIMITED + extra)
      .replaceAll('ms: 1500', `ms: ${silenceMs}`)
      .replace('total_ms: 8000', 'total_ms: 60000'),
    env: { ...planted(plant), STOP_NOTICE_MS: '1000' },
  })
  onTestFinished(async () => {
    await gateway.close()
    await upstream.close()
  })
  const { url, process: child } = gateway
  const { key } = await gateway.user('user', '100000000')
  const heard: RawAnswer[] = []
  const ask = async (model: string, more: object = {}, at = url) => {
    const answer = await raw({ url: at, key, body: markedChat(model, more) })
    heard.push(answer)
    return answer
  }
  const get = async (at: string, as = key) => {
    const answer = await raw({ url, key: as, method: 'GET', path: at })
    heard.push(answer)
    return answer
  }
  const warm = (one: GatewayProcess) => warmBaseOf(one, () => ask('unsaid', {}, one.url))
  const base = stays ? await warm(gateway) : undefined
  const before = upstream.journal.length
  const streams = Array.from({ length: callers }, () => ask(model, { stream: true }))
  await upstream.until(
    (journal) =>
      journal.length === before + callers && (journal[before]?.usage.completion ?? 0) > 1,
  )
  const [stream = Promise.reject(new Error('no caller'))] = streams

  /** Whatever must hold after a fault holds here; where the process ended, also in the one that is started after it. */
  async function checkAll(): Promise<void> {
    const secrets = ['upstream-secret-1', key, gateway.adminKey]
    const bed = { upstreams: [upstream], secrets }
    if (base !== undefined && child.exitCode === null) {
      await checkInvariants({ ...bed, gateway, base }, heard)
      return
    }
    checkBooks(gateway)
    const again = await gateway.restart()
    const fresh = await warm(again)
    for (const model of ['words', 'unsaid', 'words']) await ask(model, {}, again.url)
    const output = () => gateway.output() + again.output()
    await checkInvariants({ ...bed, gateway: { ...again, output }, base: fresh }, heard)
  }
  const setOff = () => child.kill('SIGUSR2')
  return { gateway, upstream, call: before, ask, get, stream, streams, setOff, checkAll }
}

/** By the next start: what the provider had sent by the last note of it, and not more than it sent at all. */
test('F05: a gateway killed in the middle of a stream charges what came by its last note', async () => {
  const { gateway, upstream, call, stream, checkAll } = await opened('none', { model: 'long' })
  const cut = stream.catch(() => 'cut')
  const ref = ofKind(gateway.dir, 'hold').at(-1)?.ref
  const noted = () =>
    ofKind(gateway.dir, 'progress')
      .filter((note) => note.ref === ref)
      .map(({ cost }) => Number(cost))
  // The first note is about the prompt; one of what came follows every two seconds.
  await expect.poll(() => noted().length).toBeGreaterThan(1)
  await gateway.stop('SIGKILL')
  expect(JSON.stringify(await cut)).not.toContain('[DONE]')
  const last = Math.max(...noted())
  await (await gateway.restart()).stop()
  const settle = ofKind(gateway.dir, 'settle').find((record) => record.ref === ref)
  expect(settle).toMatchObject({ outcome: 'killed', amount: String(last) })
  expect(last).toBeLessThanOrEqual(
    1e6 * costOf({ prompt: 20, completion: 2 * (upstream.journal[call]?.usage.completion ?? 0) }),
  )
  await checkAll()
})

test('F11: of 500 streams that run when SIGTERM comes none is cut', async () => {
  const { gateway, streams, checkAll } = await opened('none', {
    model: 'paced',
    callers: 500,
    silenceMs: 30_000,
  })
  expect(await gateway.stop('SIGTERM')).toBe(0)
  const ends = (await Promise.all(streams)).map(({ body }) => payloads(body).at(-1))
  expect(ends.filter((end) => end !== '[DONE]')).toEqual([])
  await checkAll()
}, 90_000)

test.each(['throw', 'reject'])(
  'F13: a bug that nobody caught (%s) is logged, what runs ends well, and the exit says so',
  async (plant) => {
    const { gateway, stream, setOff, checkAll } = await opened(plant)
    const exit = new Promise((resolve) => gateway.process.once('exit', resolve))
    setOff()
    expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
    expect(await exit).toBe(70)
    expect(gateway.output()).toMatch(/a planted (exception|rejection)/)
    await checkAll()
  },
  60_000,
)

/** Five seconds, which is longer than the silence that a stream may have here: what came meanwhile is read first. */
test('F16: after a blocked event loop new requests are sent away, what runs goes on, and it passes', async () => {
  const { gateway, ask, get, stream, setOff, checkAll } = await opened('block:5000', {
    extra: 'overload: {}',
    stays: true,
  })
  setOff()
  await untilLogged(gateway.output, 'blocking')
  const [refused, list, health, admin] = await Promise.all([
    ask('words'),
    get('/v1/models'),
    get('/health'),
    get('/admin/providers', gateway.adminKey),
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
  await expect.poll(async () => (await ask('words')).status).toBe(200)
  expect(await untilLogged(gateway.output, 'overloaded: new requests')).toContain('loop_delay_ms')
  await checkAll()
}, 90_000)

test('F38: a clock set a day forward and then back ends no hold early and keeps the order of the books', async () => {
  const { gateway, ask, stream, setOff, checkAll } = await opened('clock:86400000', {
    stays: true,
  })
  for (const turn of ['+', '-']) {
    setOff()
    await untilLogged(gateway.output, `the clock was set: ${turn}`)
    expect((await ask('words')).status).toBe(200)
  }
  expect(payloads((await stream).body).at(-1)).toBe('[DONE]')
  await checkAll()
  await gateway.stop()
  await checkAll()
}, 90_000)

test('when its memory is nearly used up the process drains and makes room for another', async () => {
  const { gateway, ask, stream, checkAll } = await opened('none')
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
  await checkAll()
}, 60_000)
