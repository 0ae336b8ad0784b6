import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { clientOf } from './support/house.ts'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { checkInvariants } from './support/invariants.ts'
import { ofKind, untilLogged } from './support/journal.ts'
import { planted } from './support/planted.ts'
import { chat, markedChat, raw, type RawAnswer } from './support/raw.ts'
import { warmBaseOf, type Base } from './support/returned.ts'
import { checkBooks } from './support/true-books.ts'

let gateway: GatewayProcess
let main: FaultProvider
/** These go away in the middle. */
let leaving: readonly FaultProvider[]
let key: string
let base: Base
const heard: RawAnswer[] = []

type Place = Readonly<{ model: string; at?: string; keys?: string; more?: string }>

const FIVE_MINUTES_MS = 300_000

/** Each model with a provider of its own for each place, so that no test is in the way of another. */
const modelsOf = (gone: string): Readonly<Record<string, readonly Place[]>> => ({
  unsaid: [{ model: 'answer?usage=none' }],
  told: [
    { model: 'answer?status=429&retry_after=30' },
    { model: 'answer?status=429&retry_after=31' },
  ],
  zero: [{ model: 'answer?status=429&retry_after=0' }],
  nothing: [
    { model: 'answer?status=429&retry_after=0&n=1' },
    { model: 'answer?status=429&retry_after=0&n=2' },
  ],
  unreached: [
    { model: 'answer', at: gone },
    { model: 'answer?raw=closed_at_once' },
    { model: 'answer?chunks=5' },
  ],
  untold: [{ model: 'answer?status=429' }, { model: 'answer?status=429&n=2' }],
  outage: [
    ...leaving.map(({ baseUrl: at }) => ({ model: 'answer?chunks=3', at })),
    { model: 'answer?chunks=3' },
  ],
  flapping: [{ model: 'answer?flap=7' }, { model: 'answer?chunks=2' }],
  refused: [{ model: 'answer?bad_key=old', keys: 'key-old,key-new' }],
  'down-gone': [
    { model: 'answer', at: gone },
    { model: 'answer', at: gone },
  ],
  'down-hanging': [{ model: 'answer?hang' }, { model: 'answer?hang&n=2' }],
  'down-failing': [{ model: 'answer?status=500' }, { model: 'answer?status=500&n=2' }],
  'down-limiting': [{ model: 'answer?status=429&n=3' }, { model: 'answer?status=429&n=4' }],
  stale: [{ model: 'answer?stale' }],
  narrow: [{ model: 'answer?delay=300', more: ', concurrency_max: 4' }],
  switched: [{ model: 'answer?chunks=4' }],
  patient: [{ model: 'answer?delay=2500', more: ', concurrency_max: 2' }],
})

function configFor(models: ReturnType<typeof modelsOf>): string {
  const all = Object.entries(models)
  const providers = all.flatMap(([id, places]) =>
    places.map(
      ({ at = main.baseUrl, keys = 'secret', more = '' }, index) =>
        `  - { id: ${id}-${index}, protocol: openai, base_url: "${at}", api_keys: "${keys}"${more} }`,
    ),
  )
  const list = all.map(
    ([id, places]) => `  - id: ${id}
    price: { input: 2, output: 8 }
    timeouts: { connect_ms: 1000, ${id === 'down-hanging' ? 'first_byte_ms: 300, total_ms: 300' : 'total_ms: 60000'} }
    deployments:
${places.map(({ model }, index) => `      - { provider: ${id}-${index}, model: "${model}" }`).join('\n')}`,
  )
  return `accounting: { credits_per_usd: 1000000, default_max_output: 100 }
tiers: { free: { requests_per_minute: 0 } }
resilience: { breaker_open_ms: 200 }
providers:
${providers.join('\n')}
models:
${list.join('\n')}
`
}

beforeAll(async () => {
  main = await startFaultProvider()
  leaving = [await startFaultProvider(), await startFaultProvider()]
  const gone = await startFaultProvider()
  await gone.close()
  gateway = await startGateway({
    config: configFor(modelsOf(gone.baseUrl)),
    env: planted(`ticks:${FIVE_MINUTES_MS}`),
  })
  key = (await gateway.user('user', '100000000')).key
  base = await warmBaseOf(gateway, () => ask('unsaid'))
})
afterAll(async () => {
  await gateway.stop()
  checkBooks(gateway)
  await gateway.close()
  await main.close()
})

async function ask(
  model: string,
  as = key,
  { body = markedChat(model), headers = {} }: Partial<Parameters<typeof raw>[0]> = {},
): Promise<RawAnswer> {
  const answer = await raw({ url: gateway.url, key: as, body, headers })
  heard.push(answer)
  return answer
}

/** So many requests, twenty at a time; the statuses of their answers. */
async function load(model: string, count: number, during?: (done: number) => void) {
  const statuses: number[] = []
  let begun = 0
  const caller = async () => {
    while (begun++ < count) {
      statuses.push((await ask(model)).status)
      during?.(statuses.length)
    }
  }
  await Promise.all(Array.from({ length: 20 }, caller))
  return new Set(statuses)
}

const callsTo = (model: string) => main.journal.filter((call) => call.model === model)

const admin = async (method: string, at: string, body?: object) => {
  const answer = await raw({
    ...{ url: gateway.url, key: gateway.adminKey, method, path: at },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return JSON.parse(answer.body) as unknown
}

type State = { id: string; deployments: { state: string; waiting: number }[] }
const stateOf = async (id: string) => {
  const { providers } = (await admin('GET', '/admin/providers')) as { providers: State[] }
  return providers.find((one) => one.id === id)?.deployments ?? []
}

const held = () => clientOf(gateway.url, 'user', key).held()

test.each([
  ['told', 'status=429&retry_after=3'],
  ['untold', 'status=429'],
  ['nothing', 'status=429&retry_after=0'],
])(
  'F48: a storm of limits (%s how long) makes hardly more calls than requests',
  async (model, fault) => {
    const before = main.journal.length
    expect(await load(model, 300)).toEqual(new Set([503]))
    const calls = main.journal.slice(before)
    expect(calls.every((call) => call.model.includes(fault))).toBe(true)
    expect(calls.length).toBeLessThanOrEqual(330)
    for (const place of [`${model}-0`, `${model}-1`])
      expect(await stateOf(place)).toMatchObject([{ state: 'cooling' }])
    expect(await held()).toBe('0')
  },
)

test('a provider that says zero seconds has said nothing: its key cools, and nobody is told to come back at once', async () => {
  const { status, headers } = await ask('zero')
  expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^[1-5]$/)])
  expect(await stateOf('zero-0')).toMatchObject([{ state: 'cooling' }])
})

test('a storm at the only key of a model, which is limited, keeps nobody waiting for longer than the key cools', async () => {
  const since = Date.now()
  const before = callsTo('answer?status=429&retry_after=0').length
  expect(await load('zero', 60)).toEqual(new Set([503]))
  expect(Date.now() - since).toBeLessThan(10_000)
  expect(callsTo('answer?status=429&retry_after=0').length - before).toBeLessThanOrEqual(66)
})

test('F40: who refuses or breaks the connection is followed by the next one, and charged for once', async () => {
  const mine = clientOf(gateway.url, 'user', key)
  for (const stream of [true, false]) {
    const balance = Number(await mine.balance())
    const answer = await ask('unreached', key, { body: markedChat('unreached', { stream }) })
    expect([answer.status, answer.headers['x-tollgate-attempts']]).toEqual([200, '3'])
    const ref = answer.headers['x-request-id']
    const settles = ofKind(gateway.dir, 'settle').filter((settle) => settle.ref === ref)
    expect(settles).toMatchObject([
      { outcome: 'finished', deployment: 'unreached-2/answer?chunks=5' },
    ])
    const attempts = settles[0]?.['attempts'] as { fault?: string }[]
    expect(attempts.map(({ fault }) => fault)).toEqual(['connect', 'connect', undefined])
    expect(balance - Number(await mine.balance())).toBe(Number(settles[0]?.['amount']) / 1_000_000)
  }
})

test('an outage of all but one provider under load costs nobody an answer', async () => {
  const statuses = await load('outage', 200, (done) => {
    if (done === 50) for (const one of leaving) void one.close()
  })
  expect(statuses).toEqual(new Set([200]))
  expect(leaving[0]?.journal.length).toBeLessThan(200)
  expect((await stateOf('outage-0'))[0]?.state).not.toBe('ready')
})

test('a flapping provider costs nobody an answer, and is asked again', async () => {
  while (callsTo('answer?flap=7').length <= 14) {
    expect(await load('flapping', 20)).toEqual(new Set([200]))
  }
})

test('F50: a refused key is off with an alarm, and the other one serves', async () => {
  // The same words each time, which go to the same key.
  for (const _ of [1, 2, 3]) {
    expect((await ask('refused', key, { body: chat('refused') })).status).toBe(200)
  }
  const used = callsTo('answer?bad_key=old').map(({ authorization }) => authorization)
  expect(used).toEqual(['Bearer key-old', 'Bearer key-new', 'Bearer key-new', 'Bearer key-new'])
  expect((await stateOf('refused-0')).map(({ state }) => state)).toEqual(['off', 'ready'])
  const alarm = await untilLogged(gateway.output, 'a provider refuses its key')
  expect(alarm).toContain('"key_number":1')
  expect(gateway.output()).not.toContain('key-old')
})

test.each([
  ['gone', 503, false],
  ['gone', 503, true],
  ['hanging', 504, false],
  ['hanging', 504, true],
  ['failing', 503, false],
  ['failing', 503, true],
  ['limiting', 503, false],
  ['limiting', 503, true],
])(
  'F51: when all providers are down (%s) the answer is %i within two seconds, and nothing is held (stream: %s)',
  async (how, status, stream) => {
    const model = `down-${how}`
    const answer = await ask(model, key, { body: markedChat(model, { stream }) })
    expect(answer.status).toBe(status)
    if (status === 503) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(await held()).toBe('0')
    const record = ofKind(gateway.dir, 'settle').find(
      ({ ref }) => ref === String(answer.headers['x-request-id']),
    )
    expect(record).toMatchObject({ outcome: 'failed', amount: '0' })
    expect(record?.['totalMs']).toBeLessThan(2_000)
  },
)

test('a connection that the provider had closed is no reason to fail', async () => {
  expect((await ask('stale')).status).toBe(200)
  expect((await ask('stale')).status).toBe(200)
  expect(callsTo('answer?stale')).toHaveLength(3)
})

test('an account that waits with many does not keep another one waiting', async () => {
  const other = await gateway.user('other', '1000000')
  const waiting = async (count: number) => {
    while ((await stateOf('narrow-0'))[0]?.waiting !== count);
  }
  const answers = Array.from({ length: 4 }, () => ask('narrow'))
  await main.until(() => callsTo('answer?delay=300').length === 4)
  answers.push(...Array.from({ length: 3 }, () => ask('narrow')))
  await waiting(3)
  const theirs = ask('narrow', other.key)
  await waiting(4)
  const tooMany = await ask('narrow')
  expect([tooMany.status, tooMany.headers['x-should-retry']]).toEqual([503, 'true'])
  const { status, mark = '' } = await theirs
  for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200)
  expect(status).toBe(200)
  const isTheirs = callsTo('answer?delay=300').map(({ id }) => id.endsWith(mark))
  expect(isTheirs.indexOf(true)).toBeLessThanOrEqual(5)
})

test('a batch waits for its place when others have given up', async () => {
  const running = [ask('patient'), ask('patient')]
  await main.until(() => callsTo('answer?delay=2500').length === 2)
  const waiting = [ask('patient'), ask('patient', key, { headers: { 'x-batch': 'true' } })]
  const answers = await Promise.all([...running, ...waiting])
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 503, 200])
})

test('a refused key is asked about again after ten minutes, without any request, and is on again', async () => {
  const isAsked = () => main.list.asked.includes('Bearer key-old')
  const later = async (aheadMs: number) => {
    gateway.process.kill('SIGUSR2')
    await untilLogged(gateway.output, `ticks ahead: ${aheadMs}`)
  }
  const states = async () => (await stateOf('refused-0')).map(({ state }) => state)
  await later(FIVE_MINUTES_MS)
  expect([await states(), isAsked()]).toEqual([['off', 'ready'], false])
  const calls = main.journal.length
  await later(2 * FIVE_MINUTES_MS)
  await expect.poll(states).toEqual(['ready', 'ready'])
  expect([isAsked(), main.journal.length]).toEqual([true, calls])
  expect(await untilLogged(gateway.output, 'takes its key again')).toContain('refused-0')
})

async function checkAll(): Promise<void> {
  const secrets = ['key-old', 'key-new', key, gateway.adminKey]
  await checkInvariants({ gateway, upstreams: [main, ...leaving], secrets, base }, heard)
}

test('after all of it everything is as it should be', checkAll, 60_000)

test('what an operator switches off is not asked, not even as the last one, until it is on again', async () => {
  const at = '/admin/providers/switched-0'
  await admin('POST', at, { state: 'off' })
  gateway.process.kill('SIGHUP')
  await untilLogged(gateway.output, 'configuration reloaded')
  expect((await ask('switched')).status).toBe(503)
  expect(callsTo('answer?chunks=4')).toHaveLength(0)
  await gateway.stop()
  gateway = await gateway.restart()
  base = await warmBaseOf(gateway, () => ask('unsaid'))
  expect((await ask('switched')).status).toBe(503)
  const health = await raw({ url: gateway.url, method: 'GET', path: '/health' })
  expect(JSON.parse(health.body)).toMatchObject({
    status: 'degraded',
    services: { 'switched-0': false },
  })
  await admin('POST', at, { state: 'on', key_number: 1 })
  expect((await ask('switched')).status).toBe(503)
  await admin('POST', at, { state: 'on' })
  expect((await ask('switched')).status).toBe(200)
  expect(await admin('POST', '/admin/providers/p9', { state: 'on' })).toMatchObject({
    error: { code: 'not_found' },
  })
  expect(ofKind(gateway.dir, 'switch')).toMatchObject([
    { target: 'provider switched-0', state: 'off', by: 'master' },
    { target: expect.stringMatching(/^key switched-0@/) as string, state: 'on' },
    { target: 'provider switched-0', state: 'on' },
  ])
})

test('after the restart everything is as it should be, too', checkAll, 60_000)
