import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { settledOf, untilLogged } from '../support/journal.ts'
import { openHouse, type Client, type House } from '../support/house.ts'
import { checkInvariants } from '../support/invariants.ts'
import { planted } from '../support/planted.ts'
import { markedChat, payloads, raw, type RawAnswer } from '../support/raw.ts'
import { warmBaseOf, type Base } from '../support/returned.ts'

/** What the gateway says to itself of each fault that comes instead of an answer. */
const HEADS = {
  no_http: 'broken',
  bad_status: 'broken',
  nul_header: 'broken',
  large_header: 'broken',
  endless_headers: 'broken',
  endless_interim: 'broken',
  two_lengths: 'broken',
  length_and_chunks: 'broken',
  short_length: 'broken',
  long_length: 'broken',
  closed_at_once: 'connect',
  closed_in_status: 'broken',
  closed_in_head: 'broken',
  closed_after_head: 'broken',
  bad_gzip: 'broken',
  gzip_bomb: 'broken',
} as const

/** What comes after a good beginning. */
const BODIES = [
  ...['bad_chunk', 'huge_chunk', 'endless_extension', 'reset', 'closed', 'mute', 'cut_character'],
  ...['bad_bytes', 'large_event', 'large_lines', 'endless_comments', 'dripping'],
] as const

const FLOODS = ['endless_extension', 'large_event', 'large_lines', 'endless_comments'] as const

let house: House
/** Two who ask in turns, and must not hear of each other. */
let clients: readonly Client[]
let elsewhere: FaultProvider
let base: Base
const heard: RawAnswer[] = []

/** Two bytes come before anybody has waited too long; whoever takes them for signs of life waits for ten minutes. */
const SLOWLY = '\n    timeouts: { first_byte_ms: 12000, idle_ms: 12000, total_ms: 600000 }'
/** What is left of an answer that never ends; read before anything else, as the other floods are. */
let endless: Awaited<ReturnType<typeof readEndless>>
/** They wait beside the other tests. */
let drips: Promise<readonly Awaited<ReturnType<typeof ask>>[]>

beforeAll(async () => {
  elsewhere = await startFaultProvider()
  const location = encodeURIComponent(`${elsewhere.baseUrl}/chat/completions`)
  const faults = Object.keys(HEADS)
  const models = {
    unsaid: ['answer?chunks=3&usage=none'],
    ...Object.fromEntries(faults.map((raw) => [raw, [`answer?raw=${raw}`, 'answer?chunks=3']])),
    ...Object.fromEntries(faults.map((raw) => [`only-${raw}`, [`answer?raw=${raw}&only`]])),
    ...Object.fromEntries(BODIES.map((raw) => [raw, [`answer?raw=${raw}`, 'answer?chunks=3']])),
    ...Object.fromEntries(BODIES.map((raw) => [`late-${raw}`, [`answer?raw=${raw}&raw_after=2`]])),
    drip: ['answer?raw=dripping&every=5000', 'answer?chunks=3'],
    'late-drip': ['answer?raw=dripping&every=5000&raw_after=2'],
    endless: ['answer?raw=endless_words&raw_after=1'],
    'own-headers': ['answer?raw=own_headers'],
    'tiny-chunks': ['answer?raw=tiny_chunks'],
    ...Object.fromEntries(
      [301, 302, 307, 308].map((status) => [
        `moved-${status}`,
        [`answer?status=${status}&location=${location}`, 'answer?chunks=3'],
      ]),
    ),
  }
  house = await openHouse(models, '', planted())
  const file = path.join(house.gateway.dir, 'gateway.yaml')
  fs.writeFileSync(
    file,
    fs.readFileSync(file, 'utf8').replace(/- id: (late-)?drip$/gm, `$&${SLOWLY}`),
  )
  await untilLogged(house.gateway.output, 'configuration reloaded')
  clients = [await house.client(), await house.client()]
  // What a flood takes for the first time the allocator keeps.
  for (const flood of FLOODS) await ask(flood, true)
  endless = await readEndless()
  base = await warmBaseOf(house.gateway, () => ask('unsaid', heard.length % 3 > 0))
  drips = Promise.all([ask('drip', true), ask('late-drip', true)])
}, 120_000)
afterAll(async () => {
  await house.close()
  await elsewhere.close()
})

async function ask(model: string, stream: boolean) {
  const { url } = house.gateway
  const { key } = clients[heard.length % 2] as Client
  const answer = await raw({ url, key, body: markedChat(model, { stream }) })
  heard.push(answer)
  const record = settledOf(house.gateway.dir, String(answer.headers['x-request-id']))
  const faults = (record['attempts'] as { fault?: string }[]).map(({ fault }) => fault)
  return { ...answer, record, faults }
}

/** Its size and its last bytes: it is too much to keep. */
async function readEndless() {
  const { url } = house.gateway
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${clients[0]?.key ?? ''}`,
      'content-type': 'application/json',
    },
    body: markedChat('endless', { stream: true }),
  })
  let [bytes, end] = [0, '']
  for await (const piece of response.body as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength
    end = (end + Buffer.from(piece).toString('latin1')).slice(-2_000)
  }
  const record = settledOf(house.gateway.dir, response.headers.get('x-request-id') ?? undefined)
  return { bytes, events: payloads(end), record }
}

const both = (names: readonly string[]) =>
  names.flatMap((name) => [[name, true] as const, [name, false] as const])

describe('F45: what comes instead of an answer', () => {
  test.each(both(Object.keys(HEADS)))(
    '%s: the next deployment answers (stream: %s)',
    async (fault, stream) => {
      const { status, body, faults } = await ask(fault, stream)
      expect([status, faults]).toEqual([200, [HEADS[fault as keyof typeof HEADS], undefined]])
      expect(body).toContain('word2')
    },
  )

  test.each(Object.keys(HEADS))(
    '%s of the only deployment is an error of ours, for nothing',
    async (fault) => {
      const { status, record } = await ask(`only-${fault}`, true)
      expect([502, 503]).toContain(status)
      expect(record).toMatchObject({ outcome: 'failed', amount: '0' })
    },
  )

  test.each(BODIES)('%s before the first token: the next deployment answers', async (fault) => {
    const { status, faults } = await ask(fault, true)
    expect([status, faults.length]).toEqual([200, 2])
  })
})

test.each(BODIES)(
  'F44: %s after the first token ends the stream with one error, at the operator’s cost',
  async (fault) => {
    const { status, body, record } = await ask(`late-${fault}`, true)
    expect(status).toBe(200)
    expect(JSON.parse(payloads(body).at(-1) ?? '')).toHaveProperty('error.code')
    expect(record).toMatchObject({ outcome: 'cut', amount: '0' })
  },
)

test('F44: an answer that never ends is ended by one error at 64 MiB, at the operator’s cost', () => {
  const { bytes, events, record } = endless
  expect(bytes / 1024 ** 2).toBeGreaterThan(63)
  expect(bytes / 1024 ** 2).toBeLessThan(65)
  expect(events.filter((event) => event.startsWith('{"error":'))).toHaveLength(1)
  expect(JSON.parse(events.at(-1) ?? '')).toHaveProperty('error.code')
  expect(record).toMatchObject({ outcome: 'cut', amount: '0' })
})

test.each(both(['own-headers', 'tiny-chunks']))(
  '%s is an answer all the same (stream: %s)',
  async (model, stream) => {
    const { status, body, headers, record } = await ask(model, stream)
    expect(status).toBe(200)
    expect(body).toContain('word2')
    expect(record).toMatchObject({ outcome: 'finished', usage: { input: 3, output: 3 } })
    const own = ['set-cookie', 'server', 'via', 'alt-svc', 'strict-transport-security', 'x-theirs']
    expect(Object.keys(headers).filter((name) => own.includes(name))).toEqual([])
    expect(JSON.stringify(headers)).not.toContain('theirs')
  },
)

test.each([301, 302, 307, 308])('F55: a redirect (%i) is not followed', async (status) => {
  const { faults, body } = await ask(`moved-${status}`, false)
  expect(faults).toEqual(['misrouted', undefined])
  expect(body).toContain('word2')
  expect(elsewhere.journal).toEqual([])
})

test('F43: a byte every five seconds is no sign of life: the next deployment is asked, or one error is the end', async () => {
  const [before, after] = await drips
  expect(before).toMatchObject({ status: 200, faults: ['timeout', undefined] })
  expect(before?.body).toContain('word2')
  expect(JSON.parse(payloads(after?.body ?? '').at(-1) ?? '')).toHaveProperty('error.code')
  expect(after?.record).toMatchObject({ outcome: 'cut', amount: '0' })
  expect(after?.record['totalMs']).toBeGreaterThanOrEqual(12_000)
})

test('after all of it everything is as it should be, and as it was', async () => {
  const keys = clients.map(({ key }) => key)
  const secrets = ['upstream-secret-1', ...keys, house.gateway.adminKey]
  const { gateway, upstream } = house
  await checkInvariants({ gateway, upstreams: [upstream], secrets, base }, heard)
}, 60_000)
