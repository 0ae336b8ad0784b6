// Every secret that a gateway comes to know is planted, a busy day passes, and then everything that it wrote is searched.
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ROUTES } from '../src/http/routes/routes.ts'
import { openStore } from '../src/store/lowdb/open-store.ts'
import { startFaultProvider, type FaultProvider } from './fault-provider/fault-provider.ts'
import { startGateway, type GatewayProcess } from './support/gateway-process.ts'
import { configFor } from './support/house.ts'
import { startOtlpReceiver, type OtlpReceiver } from './support/otlp-receiver.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'
import { runScript } from './support/script.ts'

/** Some look like secrets and some do not: what is written must not depend on that. */
const PLANTED = {
  providerKey: 'sk-canary-provider-0001-abcdefgh',
  plainProviderKey: 'otter.walks.by.the.river.77',
  jwtSecret: 'k9fK2mQ7xW4bT8zR1cV6nY3pL5sD0gHq',
  collectorKey: 'collector-canary-31415',
  password: 'seven-quiet-otters-31',
  newPassword: 'nine-quiet-otters-32',
  wrongPassword: 'eight-loud-otters-33',
  wrongKey: 'tg-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG123456',
  prompt: 'prompt canary: the owl counts its coins',
  backup: 'backup passphrase canary 2718',
}
const secrets = new Map(Object.entries(PLANTED))

let gateway: GatewayProcess
let upstream: FaultProvider
let collector: OtlpReceiver
const hooks: string[] = []
/** What was answered to whom it was not meant for, or was no secret's first showing. */
const answers: string[] = []

/** Says the key that it was asked with, in all ways in which a provider can fail or answer. */
const leaky = http.createServer((req, res) => {
  const key = String(req.headers.authorization)
  let body = ''
  req.on('data', (part: Buffer) => (body += part.toString()))
  req.on('end', () => {
    const status = Number(/"model":"status(\d+)"/.exec(body)?.[1] ?? 200)
    const error = {
      error: { message: `Incorrect API key provided: ${key}`, code: key, param: key },
    }
    const type = status === 200 ? 'text/event-stream' : 'application/json'
    res.writeHead(status, { 'content-type': type, 'x-request-id': key, 'x-key': key })
    res.end(status === 200 ? `data: ${JSON.stringify(error)}\n\n` : JSON.stringify(error))
  })
})
const receiver = http.createServer((req, res) => {
  hooks.push(JSON.stringify(req.headers))
  req.on('data', (part: Buffer) => hooks.push(part.toString()))
  req.on('end', () => res.end())
})

const portOf = async (server: http.Server): Promise<number> => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

const STATUSES = [400, 401, 402, 403, 404, 422, 429, 500, 503]
const models = STATUSES.map(
  (status) => `
  - id: leaky${status}
    price: { input: 1, output: 1 }
    deployments: [{ provider: leaky, model: status${status} }]`,
)

beforeAll(async () => {
  ;[upstream, collector] = await Promise.all([startFaultProvider(), startOtlpReceiver()])
  const leakyPort = await portOf(leaky)
  const config = configFor(
    upstream.baseUrl,
    { words: ['answer?chunks=3'] },
    'webhooks: { allowed_networks: 127.0.0.1, large_charge: 40 }\ninvitations: { inviter: 1, invited: 1 }\n',
  )
    .replace('upstream-secret-1', '${CANARY_ONE}')
    .replace(
      'models:',
      `  - id: leaky
    protocol: openai
    base_url: http://127.0.0.1:${leakyPort}
    api_keys: \${CANARY_TWO}
models:${models.join('')}
  - id: leaky200
    price: { input: 1, output: 1 }
    deployments: [{ provider: leaky, model: status200 }]`,
    )
  gateway = await startGateway({
    config,
    env: {
      ...{ CANARY_ONE: PLANTED.providerKey, CANARY_TWO: PLANTED.plainProviderKey },
      ...{ JWT_SECRET_KEY: PLANTED.jwtSecret, LOG_LEVEL: 'debug' },
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${PLANTED.collectorKey}`,
    },
  })
  secrets.set('master key', gateway.adminKey)
})
afterAll(async () => {
  await gateway.close()
  await Promise.all([upstream.close(), collector.close()])
  leaky.close()
  receiver.close()
})

type Json = Readonly<Record<string, unknown>>

/** An answer that shows a secret for the one time. */
async function shown(
  method: string,
  to: string,
  body?: object,
  key = gateway.adminKey,
): Promise<Json> {
  const wish = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await raw({ url: gateway.url, key, method, path: to, ...wish })
  expect(answer.status, `${method} ${to}: ${answer.body}`).toBeLessThan(300)
  return JSON.parse(answer.body) as Json
}

/** An answer in which no secret is to be seen. */
async function asked(
  request: Parameters<typeof raw>[0] extends infer R ? Omit<R & object, 'url'> : never,
): Promise<RawAnswer> {
  const answer = await raw({ url: gateway.url, ...request })
  answers.push(JSON.stringify(answer.headers), answer.body)
  return answer
}
const plant = (name: string, value: unknown): string => {
  secrets.set(name, String(value))
  return String(value)
}

test(
  'no secret is in any log, error, file, backup, metric, trace, trail or webhook',
  { timeout: 120_000 },
  async () => {
    const key = await plantAll()
    await aBusyDay(key)
    const found = await everythingWritten()
    const leaks = [...secrets].flatMap(([name, secret]) =>
      [...found].flatMap(([place, text]) => {
        const leak = leakOf(secret, text)
        return leak === undefined ? [] : [`${name} in ${place}: ${leak}`]
      }),
    )
    expect(leaks).toEqual([])
    // The search finds what is there.
    expect(
      leakOf('a busy day', `…${Buffer.from('for a busy day!').toString('base64')}…`),
    ).toBeDefined()
    expect(found.get('log')).toContain('invalid_api_key')
    expect([...found.keys()].join()).toMatch(/gateway\.json.*00000001\.jsonl/)
    expect(found.get('backup')).toContain('"kind":"settle"')
    expect(hooks.length).toBeGreaterThan(2)
    expect(collector.text()).toContain('spanId')
  },
)

/** All secrets that the gateway makes itself, each used once; a user's key. */
async function plantAll(): Promise<string> {
  const wish = { type: 'user', account: 'anna', credits: '1000000' }
  const first = await shown('POST', '/admin/keys', wish)
  plant('user key', first['key'])
  const rotated = await shown('POST', `/admin/keys/${String(first['keyId'])}/rotate`, {
    grace: '0',
  })
  const key = plant('rotated key', rotated['key'])
  const staff = plant('admin key', (await shown('POST', '/admin/keys', { type: 'admin' }))['key'])
  plant('session of a key', (await shown('POST', '/auth/session', {}, staff))['token'])
  const user = { role: 'user', account: 'anna', password: PLANTED.password }
  await shown('PUT', '/admin/users/anna', user)
  const login = { username: 'anna', password: PLANTED.password }
  plant('session of a user', (await shown('POST', '/auth/login', login))['token'])
  await shown('PUT', '/admin/users/anna', { ...user, password: PLANTED.newPassword })
  const codes = (await shown('POST', '/admin/codes', { amount: '1', count: 2 }))['data'] as {
    code: string
  }[]
  for (const [at, { code }] of codes.entries()) {
    plant(`code ${at}`, code)
    plant(`code ${at} without dashes`, code.replaceAll('-', ''))
  }
  const address = `http://127.0.0.1:${await portOf(receiver)}/hook`
  plant('webhook secret', (await shown('POST', '/admin/webhooks', { url: address }))['secret'])
  await asked({ key, path: '/v1/redeem', body: JSON.stringify({ code: codes[0]?.code }) })
  const legacy = `/token?masterToken=${gateway.adminKey}&userId=legacy`
  plant('key of the predecessor’s route', (await shown('POST', legacy))['id'])
  return key
}

async function aBusyDay(key: string): Promise<void> {
  const ask = (model: string, more: object = {}) =>
    asked({
      key,
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: PLANTED.prompt }],
        ...more,
      }),
    })
  for (const stream of [false, true])
    for (const model of ['words', 'leaky200', ...STATUSES.map((status) => `leaky${status}`)])
      await ask(model, { stream })
  await asked({ key, body: `{"model": "words", "messages": "${PLANTED.prompt}` })
  await ask('words', { n: -1 })
  const session = secrets.get('session of a user') ?? ''
  for (const wrong of [
    PLANTED.wrongKey,
    secrets.get('user key') ?? '',
    session,
    `${session}x`,
    `${gateway.adminKey}x`,
  ]) {
    await asked({ key: wrong, body: chat('words') })
    await asked({ key: wrong, method: 'GET', path: '/admin/accounts' })
    await asked({
      headers: { 'x-api-key': wrong, cookie: `key=${wrong}` },
      method: 'GET',
      path: '/v1/models',
    })
  }
  for (const password of [PLANTED.wrongPassword, PLANTED.password])
    await asked({ path: '/auth/login', body: JSON.stringify({ username: 'anna', password }) })
  await asked({
    path: '/auth/login',
    body: JSON.stringify({ username: PLANTED.newPassword, password: 7 }),
  })
  await asked({ key, path: '/v1/redeem', body: JSON.stringify({ code: secrets.get('code 0') }) })
  await misplaced(key)
  await asked({ key: gateway.adminKey, path: '/admin/webhooks/test', body: '{}' })
  for (const { method, path } of ROUTES.filter((one) => one.method === 'GET'))
    for (const who of [gateway.adminKey, key])
      await asked({ key: who, method, path: path.replace(/\{\w+\*?\}/g, 'anna') })
  await asked({ key: gateway.adminKey, method: 'GET', path: '/admin/audit?limit=1000' })
}

/** People put secrets where they do not belong. What is told to themselves is not searched. */
async function misplaced(key: string): Promise<void> {
  const body = chat(key)
  await raw({ url: gateway.url, key, body })
  await raw({ url: gateway.url, key, body: chat('words', { user: 'x', [key]: 1 }) })
  for (const secret of [key, gateway.adminKey]) {
    await raw({ url: gateway.url, method: 'GET', path: `/v1/models?api_key=${secret}` })
    await raw({ url: gateway.url, method: 'GET', path: `/v1/models/${secret}`, key })
    await raw({ url: gateway.url, method: 'GET', path: `/${secret}` })
    await raw({ url: gateway.url, method: 'GET', path: `/tokens?masterToken=${secret}&x=1` })
    await raw({
      url: gateway.url,
      method: 'GET',
      path: '/health',
      headers: { 'x-client-request-id': secret },
    })
  }
}

/** By where it stands. */
async function everythingWritten(): Promise<Map<string, string>> {
  const found = new Map([['answers', answers.join('\n')]])
  await vi.waitFor(() => {
    expect(hooks.join()).toContain('This is a test.')
  }, 60_000)
  await collector.spans(10)
  const { dir } = gateway
  const env = { TOLLGATE_BACKUP_PASSPHRASE: PLANTED.backup }
  for (const [name, more] of [
    ['backup.tar.gz', {}],
    ['backup.tar.gz.enc', env],
  ] as const) {
    const made = await runScript('backup', ['--to', path.join(dir, name), '--json'], {
      dir,
      env: more,
    })
    expect(made.code, made.stderr).toBe(0)
    found.set(`output of ${name}`, made.stdout + made.stderr)
  }
  const lists = ['keys', 'users', 'codes', 'webhooks'].map(async (what) => {
    const { stdout, stderr } = await runScript('tollgate', [what, 'list', '--json'], { dir })
    found.set(`${what} list`, stdout + stderr)
  })
  await Promise.all(lists)
  await gateway.stop()
  await makeSnapshot(path.join(dir, 'db'))
  found.set('output', gateway.output())
  found.set('hooks', hooks.join('\n'))
  found.set('traces', collector.text())
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'gateway.yaml') continue
    const file = path.join(entry.parentPath, entry.name)
    const bytes = fs.readFileSync(file)
    const name = path.relative(dir, file)
    found.set(name, (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1'))
  }
  found.set('backup', found.get('backup.tar.gz') ?? '')
  const logs = [...found].filter(([name]) => name.startsWith('logs'))
  found.set('log', logs.map(([, text]) => text).join('\n'))
  return found
}

/** As it comes when a segment is full. */
async function makeSnapshot(dir: string): Promise<void> {
  const store = await openStore({
    ...{ dir, purpose: 'server', now: Date.now, segmentBytesMax: 2_000 },
    onFatal: () => undefined,
    onTrouble: () => undefined,
  })
  for (let at = 0; at < 20; at++) await store.registry.setAccount('anna', { note: `note ${at}` })
  await store.close()
}

/** Whole, from its middle, or in another way of writing it. */
function leakOf(secret: string, text: string): string | undefined {
  const middle = secret.length > 24 ? secret.slice(6, -6) : secret
  const bytes = Buffer.from(secret)
  // In base64 it looks different by where it begins; the ends depend on what stands beside it.
  const base64 = [0, 1, 2].map((skip) =>
    bytes.subarray(skip, bytes.length - ((bytes.length - skip) % 3)),
  )
  const forms = [
    ...[
      middle,
      JSON.stringify(middle).slice(1, -1),
      encodeURIComponent(middle),
      bytes.toString('hex'),
    ],
    ...base64.flatMap((part) => [part.toString('base64'), part.toString('base64url')]),
  ]
  return forms.find((form) => text.includes(form))
}
