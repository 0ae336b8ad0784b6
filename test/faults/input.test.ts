import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHouse, type Client, type House } from '../support/house.ts'
import { checkInvariants } from '../support/invariants.ts'
import { collected, planted } from '../support/planted.ts'
import { chat, markedChat, raw, type RawAnswer, type RawRequest } from '../support/raw.ts'
import { warmBaseOf, type Base } from '../support/returned.ts'

const BODY_BYTES_MAX = 4 * 1024 * 1024

let house: House
let client: Client
let base: Base
const heard: RawAnswer[] = []

beforeAll(async () => {
  house = await openHouse(
    { words: ['answer'], strict: ['answer?status=400'], unsaid: ['answer?usage=none'] },
    `limits: { body_bytes_max: ${BODY_BYTES_MAX} }`,
    planted(),
  )
  client = await house.client('1000000000')
  const { key } = await house.client()
  base = await warmBaseOf(house.gateway, () => ask({ key, body: markedChat('unsaid') }))
})
afterAll(() => house.close())

async function ask(request: Omit<RawRequest, 'url'>): Promise<RawAnswer> {
  const answer = await raw({ url: house.gateway.url, ...request })
  heard.push(answer)
  return answer
}

const callsTo = (model: string) =>
  house.upstream.journal.filter((call) => call.model === model).length
const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
/** A request that would be answered, but for its size. */
const padded = (bytes: number): Buffer => Buffer.from(chat('words').padEnd(bytes))
const withField = (text: string): string => chat('words').replace('{', `{${text},`)

const bodies: readonly (readonly [string, string | Buffer, number])[] = [
  ['nothing', '', 400],
  ['no JSON', 'hello', 400],
  ['a list', '[]', 400],
  ['trailing garbage', `${chat('words')}x`, 400],
  ['a byte order mark', `\uFEFF${chat('words')}`, 400],
  [
    '100 000 levels',
    `{"model":"words","messages":[{"role":"user","content":"x"}],"deep":${deep(100_000)}}`,
    400,
  ],
  ['a prototype', withField('"__proto__":{"polluted":1}'), 400],
  ['a constructor', withField('"constructor":{"prototype":{"polluted":1}}'), 400],
  ['another address', withField('"api_base":"http://169.254.169.254"'), 400],
  ['another base_url', withField('"base_url":"http://127.0.0.1"'), 400],
  ['a provider key', withField('"api_key":"sk-x"'), 400],
  ['extra headers', withField('"extra_headers":{"x":"y"}'), 400],
  ['an unknown model', chat('nope'), 404],
  ['a list of models', JSON.stringify({ model: ['words'], messages: [{ role: 'user' }] }), 400],
  ['no messages', JSON.stringify({ model: 'words' }), 400],
  ['a message without role', JSON.stringify({ model: 'words', messages: [{ content: 'x' }] }), 400],
  ...[0, -1, 1e9, 1.5, '1'].map(
    (n) => [`n = ${JSON.stringify(n)}`, chat('words', { n }), 400] as const,
  ),
  ...[-1, 0, 1e12, '5', 1.5].map(
    (max_tokens) =>
      [`max_tokens = ${JSON.stringify(max_tokens)}`, chat('words', { max_tokens }), 400] as const,
  ),
  ['max_tokens = 1e400', withField('"max_tokens":1e400'), 400],
  ['stream = "true"', chat('words', { stream: 'true' }), 400],
  ['an unpriced service tier', chat('words', { service_tier: 'priority' }), 400],
  ['NaN', withField('"temperature":NaN'), 400],
  ['Infinity', withField('"temperature":Infinity'), 400],
  ['max_tokens = 2^53+1', withField('"max_tokens":9007199254740993'), 400],
  ['seed = 2^53+1', withField('"seed":9007199254740993'), 400],
  ['temperature = 1e400', withField('"temperature":1e400'), 400],
  ['an unknown field = -1e400', withField('"no_such_field":-1e400'), 400],
  ['a million messages that are none', `{"model":"words","messages":[${'0,'.repeat(1e6)}0]}`, 400],
  ['a model that is an object', JSON.stringify({ model: {}, messages: [{ role: 'user' }] }), 400],
  ['no message at all', JSON.stringify({ model: 'words', messages: [] }), 400],
  [
    'an image of 50 MiB',
    chat('words', {
      messages: [
        {
          role: 'user',
          content: [
            {
              type: 'image_url',
              image_url: { url: `data:image/png;base64,${'A'.repeat(50 * 1024 * 1024)}` },
            },
          ],
        },
      ],
    }),
    413,
  ],
  ['an unknown role', chat('words', { messages: [{ role: 'wizard', content: 'x' }] }), 400],
  ['what the provider alone refuses', chat('strict'), 400],
  ['web search', chat('words', { web_search_options: {} }), 400],
  [
    '10 000 places to stop at',
    chat('words', { stop: Array.from({ length: 10_000 }, (_, index) => `s${index}`) }),
    400,
  ],
  ['a million biases', withField(`"logit_bias":{${'"1":1,'.repeat(1e6)}"1":1}`), 413],
  [
    'fewer biases, in less than the limit',
    withField(
      `"logit_bias":${JSON.stringify(Object.fromEntries(new Array(2e5).fill(1).entries()))}`,
    ),
    400,
  ],
  ['a list of a million', withField(`"metadata":[${'0,'.repeat(1e6)}0]`), 400],
  ['10 MiB and a byte', padded(10 * 1024 * 1024 + 1), 413],
  ['a byte too many', padded(BODY_BYTES_MAX + 1), 413],
]

test.each(bodies)('%s is refused with a reason, and costs nothing', async (_, body, status) => {
  const calls = callsTo('answer')
  const balance = await client.balance()
  const answer = await ask({ key: client.key, body })
  expect(answer.status).toBe(status)
  const { error } = JSON.parse(answer.body) as { error: Record<string, unknown> }
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
  expect(answer.headers['x-should-retry']).toBe('false')
  expect(answer.headers['x-request-id']).toMatch(/^req_/)
  expect(callsTo('answer')).toBe(calls)
  expect(await client.balance()).toBe(balance)
  expect(await client.held()).toBe('0')
})

test('a body of all the bytes that one may have is answered', async () => {
  expect((await ask({ key: client.key, body: padded(BODY_BYTES_MAX) })).status).toBe(200)
})

test.each(['5000', '100000'])(
  '%s levels are refused also where they come with a name for their repeats',
  async (depth) => {
    const body = withField(`"deep":${deep(Number(depth))}`)
    const named = { body, headers: { 'idempotency-key': `deep-${depth}` } }
    const asOperator = { key: house.gateway.adminKey, path: '/admin/keys', ...named }
    const mine = { key: client.key, ...named }
    for (const asked of [
      mine,
      { ...mine, headers: { 'x-stainless-retry-count': '1' } },
      asOperator,
    ])
      expect((await ask(asked)).status).toBe(400)
    expect(await client.held()).toBe('0')
  },
)

const POLLUTED = '{"polluted":"yes"}'
const MESSAGE = '{"role":"user","content":"x"}'
const withMessage = (fields: string): string =>
  `{"model":"words","messages":[{"role":"user","content":"x",${fields}}]}`

test.each([
  ['a field', withField(`"__proto__":${POLLUTED}`)],
  ['a field behind others', chat('words').replace(/}$/, `,"__proto__":${POLLUTED}}`)],
  ['a constructor', withField(`"constructor":{"prototype":${POLLUTED}}`)],
  ['a message', withMessage(`"__proto__":${POLLUTED}`)],
  ['a message instead', `{"model":"words","messages":[{"__proto__":${MESSAGE}}]}`],
  ['the constructor of a message', withMessage(`"constructor":{"prototype":${POLLUTED}}`)],
  ['the list of messages', `{"model":"words","messages":{"__proto__":[${MESSAGE}],"length":1}}`],
  ['metadata', withField(`"metadata":{"__proto__":${POLLUTED}}`)],
  ['options', withField(`"stream":true,"stream_options":{"__proto__":${POLLUTED}}`)],
  ['a tool', withField(`"tools":[{"type":"function","__proto__":${POLLUTED}}]`)],
  [
    'a schema',
    withField(
      `"response_format":{"type":"json_schema","json_schema":{"schema":{"__proto__":${POLLUTED}}}}`,
    ),
  ],
  ['an escaped name', withField(`"\\u005f_proto__":${POLLUTED}`)],
])('a prototype in %s is nothing that any other object has', async (_, body) => {
  const asOperator = { key: house.gateway.adminKey, path: '/admin/accounts', body }
  for (const { status } of [await ask({ key: client.key, body }), await ask(asOperator)])
    expect(status).toBeLessThan(500)
  expect(await collected(house.gateway)).toMatchObject({ inherited: '' })
})

test.each(['text/plain', 'multipart/form-data; boundary=x', 'application/xml'])(
  'a body that says it is %s is refused with a reason, and costs nothing',
  async (type) => {
    const calls = callsTo('answer')
    const answer = await ask({
      ...{ key: client.key, body: chat('words') },
      headers: { 'content-type': type },
    })
    expect(answer.status).toBe(415)
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'unsupported_media_type' } })
    expect([callsTo('answer'), await client.held()]).toEqual([calls, '0'])
  },
)

test('an address in a prompt is text: the gateway passes it on and never asks for it', async () => {
  let visits = 0
  const canary = createServer((_, res) => {
    visits++
    res.end()
  }).listen(0, '127.0.0.1')
  await once(canary, 'listening')
  const url = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/latest/meta-data/`
  const content = [
    { type: 'text', text: url },
    { type: 'image_url', image_url: { url } },
  ]
  const body = chat('words', { messages: [{ role: 'user', content }] })
  const answer = await ask({ key: client.key, body })
  canary.close()
  expect(answer.status).toBe(200)
  expect(JSON.stringify(house.upstream.journal.at(-1)?.body)).toContain(url)
  expect(visits).toBe(0)
})

test('a compressed body is read, and a bomb is refused at its real size', async () => {
  const send = (body: Buffer) =>
    ask({ key: client.key, body, headers: { 'content-encoding': 'gzip' } })
  expect((await send(gzipSync(Buffer.alloc(50_000_000, 0x20)))).status).toBe(413)
  expect((await send(gzipSync('{"model":"nope","messages":[{"role":"user"}]}'))).status).toBe(404)
  expect((await send(Buffer.from('not gzip'))).status).toBe(400)
})

test.each(['gzip', 'deflate', 'br'])(
  'a body that is no %s although it says so is refused on routes of admins, too',
  async (encoding) => {
    const { adminKey: key } = house.gateway
    const headers = { 'content-encoding': encoding, 'idempotency-key': `mangled-${encoding}` }
    const asked = { key, headers, body: '[{"from":"a"}]' }
    for (const path of ['/admin/transfers', '/admin/keys']) {
      const { status, body } = await ask({ ...asked, path })
      expect([path, status]).toEqual([path, 400])
      expect(JSON.parse(body)).toMatchObject({ error: { code: 'invalid_request' } })
    }
  },
)

test.each([
  ['no key', undefined, {}],
  ['an empty bearer', '', {}],
  ['another scheme', undefined, { authorization: 'Basic dXNlcjpwYXNz' }],
  ['an unknown key', 'tg-unknown', {}],
  ['SQL', "' or 1=1 --", {}],
  ['a JWT without signature', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJrZXkifQ.', {}],
  ['a key with another checksum', `tg-${'a'.repeat(49)}`, {}],
  ['a prefix alone', 'tg-', {}],
  ['8 KiB of key', 'x'.repeat(8192), {}],
])('%s gets the one answer that wrong keys get', async (_, key, headers) => {
  const answer = await ask({
    ...(key !== undefined && { key }),
    headers,
    body: chat('words'),
  })
  expect(answer.status).toBe(401)
  expect((JSON.parse(answer.body) as { error: unknown }).error).toEqual({
    message:
      'Invalid API key. Send a valid key as "Authorization: Bearer <key>"; the operator of this gateway issues keys.',
    type: 'authentication_error',
    param: null,
    code: 'invalid_api_key',
  })
})

test.each(['x-api-key', 'api-key', 'x-goog-api-key'])('the key may come as %s', async (header) => {
  const answer = await ask({
    headers: { [header]: client.key },
    method: 'GET',
    path: '/v1/account',
  })
  expect(answer.status).toBe(200)
})

test.each([
  ['GET', '/v1/chat/completions', 405],
  ['GET', '/v1/nothing', 404],
  ['GET', '/v1/../admin', 404],
  ['GET', '/v1/%2e%2e/admin', 404],
  ['DELETE', '/v1/models', 405],
  ['GET', '/%00', 404],
  ['GET', '/v1/%252e%252e/admin', 404],
  ['GET', '/v1/..%2fadmin', 404],
  ['GET', '/v1/models;x=/..%5cadmin', 404],
  ['GET', '//admin//keys', 403],
  ['GET', '/V1/MODELS', 404],
  ['GET', '/ADMIN/keys', 404],
  ['GET', `/${'x'.repeat(8_000)}`, 404],
])('%s %s is %i in the right shape', async (method, path, status) => {
  const answer = await ask({ key: client.key, method, path })
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.body)).toHaveProperty('error.message')
  if (status === 405) expect(answer.headers['allow']).toBeDefined()
})

test('pages of any origin may call the API with a key, and read its headers', async () => {
  const headers = {
    origin: 'https://example.org',
    'access-control-request-headers': 'authorization,x-stainless-os',
  }
  const preflight = await ask({ method: 'OPTIONS', headers })
  expect(preflight.status).toBe(204)
  expect(preflight.headers['access-control-allow-headers']).toBe('authorization,x-stainless-os')
  const answer = await ask({
    key: client.key,
    headers: { origin: 'https://example.org' },
    body: chat('words'),
  })
  expect(answer.headers['access-control-allow-origin']).toBe('*')
  const exposed = answer.headers['access-control-expose-headers']
  for (const name of ['x-request-id', 'x-tollgate-attempts', 'x-tollgate-replayed'])
    expect(exposed).toContain(name)
})

test('after all of it everything is as it should be', async () => {
  const { gateway, upstream } = house
  const secrets = ['upstream-secret-1', client.key, gateway.adminKey]
  await checkInvariants({ gateway, upstreams: [upstream], secrets, base }, heard)
}, 60_000)
