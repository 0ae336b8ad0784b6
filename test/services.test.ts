// What is asked below the prefixes of services: two gateways' worth of real servers behind one address.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  deadAddress,
  echo,
  sha256Of,
  startAnyServer,
  type AnyServer,
  type Echo,
} from './support/any-server.ts'
import { openHouse, type House } from './support/house.ts'

const BODY_BYTES_MAX = 64 * 1024 * 1024
let house: House
let [first, second]: AnyServer[] = []
let dead: string
let key: string

const services = (): string => `
limits: { body_bytes_max: ${BODY_BYTES_MAX} }
services:
  - { name: core, prefix: /api/core, instances: ["${url(first)}", "${url(second)}"] }
  - { name: deep, prefix: /api/core/deep, url: "${url(first)}/base/", strip_prefix: true }
  - { name: one, prefix: /one, url: "${url(first)}" }
  - { name: hasty, prefix: /hasty, url: "${url(first)}", timeout_ms: 2000 }
  - { name: few, prefix: /few, url: "${url(first)}", requests_per_minute: 2 }
  - { name: reading, prefix: /reading, url: "${url(first)}", methods: [GET, HEAD] }
  - { name: open, prefix: /open, url: "${url(first)}", auth_required: false, requests_per_minute: 2 }
  - { name: gone, prefix: /gone, url: "${dead}" }
  - { name: half, prefix: /half, instances: ["${dead}", "${url(second)}"] }
`
const url = (server: AnyServer | undefined): string => server?.url ?? ''
const upstream = (): AnyServer => {
  if (first === undefined) throw new Error('not started')
  return first
}

beforeAll(async () => {
  first = await startAnyServer('first')
  second = await startAnyServer('second')
  dead = await deadAddress()
  house = await openHouse({ words: ['answer?chunks=1'] }, services())
  key = (await house.gateway.user('caller', '1000')).key
})
afterEach(() => {
  upstream().answer(echo('first'))
})
afterAll(async () => {
  await house.close()
  await first?.close()
  await second?.close()
})

type Asking = Readonly<{
  method?: string
  headers?: Readonly<Record<string, string | string[]>>
  body?: string | Buffer
  key?: string | undefined
}>

/** The request as far as its head is answered: no library has looked at its path. */
async function open(to: string, asking: Asking = {}) {
  const request = begin(to, asking)
  request.end(asking.body)
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  return { request, answer }
}

function begin(to: string, asking: Asking = {}): http.ClientRequest {
  const { hostname, port } = new URL(house.gateway.url)
  const secret = 'key' in asking ? asking.key : key
  const headers = {
    ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
    ...asking.headers,
  }
  const { method = 'GET' } = asking
  return http.request({ hostname, port, path: to, method, headers, agent: false })
}

async function ask(to: string, asking: Asking = {}) {
  const { answer } = await open(to, asking)
  return { status: answer.statusCode, headers: answer.headers, body: await textOf(answer) }
}

const asked = async (to: string, asking: Asking = {}): Promise<Echo> =>
  JSON.parse((await ask(to, asking)).body) as Echo

/** What the next request's service is asked with, and answers with. */
const nextCall = (): Promise<{ req: IncomingMessage; res: ServerResponse }> =>
  new Promise((resolve) => {
    upstream().answer((req, res) => {
      resolve({ req, res })
    })
  })

/** Also of what ends with an error, or has ended before. */
const closed = (what: IncomingMessage | ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (what.destroyed) resolve()
    what.once('close', () => {
      resolve()
    })
  })

const textOf = async (answer: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const piece of answer.setEncoding('latin1')) text += String(piece)
  return text
}

describe('a request below a prefix', () => {
  test('comes with its method, path, query and body, byte for byte', async () => {
    const to = '/one/a%20b/x%2Cy/?q=a+b&&r=%2f;..//%00&s=%C3'
    const body = randomBytes(300_000)
    const framings = [{ 'content-length': '300000' }, { 'transfer-encoding': 'chunked' }]
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
      for (const headers of framings) {
        const got = await asked(to, { method, body, headers })
        expect([got.method, got.url, got.sha256]).toEqual([method, to, sha256Of(body)])
        expect(got.headers).toMatchObject(
          Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
        )
      }
    expect((await asked(to, { method: 'POST' })).headers['content-length']).toEqual(['0'])
    expect(await asked('/one?x')).toMatchObject({ method: 'GET', url: '/one?x', body: '' })
    expect((await asked('/one/')).url).toBe('/one/')
  })

  test('comes without the caller’s credentials and with who they are', async () => {
    const got = await asked('/one/x', {
      method: 'POST',
      body: 'five!',
      headers: {
        ...{ 'x-api-key': 'sk-other', 'api-key': 'sk-other', 'x-goog-api-key': 'sk-other' },
        ...{ cookie: 'session=1', 'proxy-authorization': 'Basic eDp5', host: 'gate.example' },
        ...{ 'x-user-id': 'root', 'x-user-role': 'owner', x_user_id: 'root', 'x.user.id': 'root' },
        ...{ 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https', forwarded: 'for=9.9.9.9' },
        ...{ 'x-forwarded-host': 'evil', 'x-forwarded-prefix': '/admin', 'x-real-ip': '9.9.9.9' },
        ...{ connection: 'close, X-Mine', 'x-mine': 'hop', te: 'trailers', 'keep-alive': '5' },
        ...{ upgrade: 'h2c', 'x-request-id': 'mine', 'content-type': 'text/plain', via: '1.1 x' },
        ...{ accept: 'text/*', 'x-twice': ['1', '2'], 'accept-encoding': 'gzip' },
      },
    })
    expect(got.headers).toEqual({
      ...{ accept: ['text/*'], 'accept-encoding': ['gzip'], 'content-type': ['text/plain'] },
      ...{ 'content-length': ['5'], 'x-twice': ['1', '2'] },
      ...{ host: [new URL(url(first)).host], connection: ['keep-alive'] },
      ...{ 'x-forwarded-for': ['127.0.0.1'], 'x-forwarded-proto': ['http'] },
      ...{
        'x-forwarded-host': ['gate.example'],
        'x-request-id': [expect.stringMatching(/^req_/) as string],
      },
      ...{ 'x-user-id': [expect.stringMatching(/^key_/) as string], 'x-user-role': ['user'] },
    })
  })

  test('is taken by the longest prefix, in whole segments', async () => {
    const instances = new Set<string>()
    for (let count = 0; count < 4; count++) instances.add((await asked('/api/core/x')).name)
    expect([...instances].sort()).toEqual(['first', 'second'])
    expect((await asked('/api/core/deep/x?y')).url).toBe('/base/x?y')
    expect((await asked('/api/core/deep')).url).toBe('/base/')
    expect((await asked('/api/core/deeper')).url).toBe('/api/core/deeper')
    for (const to of ['/api/corex', '/api', '/API/core', '/api%2fcore', '/%61pi/core', '/nowhere'])
      expect([to, (await ask(to)).status]).toEqual([to, 404])
    expect(JSON.parse((await ask('/health')).body)).toMatchObject({ service: 'tollgate' })
  })

  test('is refused where servers would not agree on where it leads', async () => {
    const before = upstream().seen()
    const rests = [
      ...['/../admin', '/..', '/.', '/a/./b', '/%2e%2e/x', '/%2E./x', '/.%2e', '/%252e%252e/x'],
      ...['/a%2fb', '/a%2Fb', '/a%5cb', '/a\\b', '/..;/x', '/a;b', '/a%3bb', '/%00', '/a%0d%0ax'],
      ...['//x', '/x//y', '//', '/x/..%2f..%2fadmin', '/%25252e%25252e', '/a#b', '/%c0%ae', '/%zz'],
      ...['/%25c0%25ae', '/%', '/%7f'],
    ]
    for (const rest of rests) {
      const { status, body } = await ask(`/one${rest}`)
      expect([rest, status]).toEqual([rest, 400])
      expect(JSON.parse(body)).toMatchObject({
        ...{ error: { code: 'invalid_request' }, type: 'invalid_request_error' },
        ...{
          detail: expect.stringContaining('path') as string,
          timestamp: expect.any(String) as string,
        },
      })
    }
    expect(upstream().seen()).toBe(before)
    for (const to of [
      '//one/x',
      '/one%2fx',
      '/x/../one/y',
      '/one/100%25/x',
      '/one/...',
      '/one/~a:b@!',
    ])
      expect([to, (await ask(to)).status]).toEqual([to, expect.toBeOneOf([200, 400, 404])])
    expect((await asked('/one/100%25/x')).url).toBe('/one/100%25/x')
  })

  test('is taken by the methods that are configured', async () => {
    const { status, headers } = await ask('/reading/x', { method: 'POST', body: 'x' })
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD'])
    expect((await ask('/one', { method: 'OPTIONS' })).status).toBe(405)
    const before = upstream().seen()
    const trace = await ask('/one', { method: 'TRACE' })
    expect([trace.status, upstream().seen()]).toEqual([405, before])
  })

  test('with an upgrade to WebSockets is refused', async () => {
    const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
    expect((await ask('/one', { headers })).status).toBe(400)
  })
})

describe('who may ask', () => {
  test('is whoever is known, as everywhere', async () => {
    const before = upstream().seen()
    const refused = await ask('/one', { key: undefined })
    expect(refused.status).toBe(401)
    expect(JSON.parse(refused.body)).toMatchObject({
      error: { code: 'invalid_api_key' },
      detail: expect.stringContaining('key') as string,
    })
    expect((await ask('/one', { key: 'tg-wrong' })).status).toBe(401)
    expect(upstream().seen()).toBe(before)
    const byHeader = { key: undefined, headers: { 'x-api-key': key } }
    expect((await asked('/one', byHeader)).headers['x-user-role']).toEqual(['user'])
    const asOwner = await asked('/one', { key: house.gateway.adminKey })
    expect(asOwner.headers['x-user-role']).toEqual(['owner'])
    const session = await fetch(`${house.gateway.url}/auth/session`, {
      ...{ method: 'POST', headers: { authorization: `Bearer ${house.gateway.adminKey}` } },
    })
    const { token } = (await session.json()) as { token: string }
    expect((await asked('/one', { key: token })).headers['x-user-role']).toEqual(['owner'])
  })

  test('is everybody where the configuration says so, and then nobody is named', async () => {
    const strange = await asked('/open/x', { key: undefined, headers: { 'x-user-id': 'root' } })
    expect([strange.headers['x-user-id'], strange.headers['authorization']]).toEqual([
      ...[undefined, undefined],
    ])
  })
})

describe('an answer', () => {
  test('comes with its status and headers, but for those of a connection and of the whole address', async () => {
    upstream().answer((_req, res) => {
      res.writeHead(418, [
        ...['content-type', 'text/plain', 'x-twice', '1', 'x-twice', '2', 'etag', '"e"'],
        ...['set-cookie', 'a=b', 'server', 'own', 'via', '1.1 x', 'alt-svc', 'h3=":1"'],
        ...['strict-transport-security', 'max-age=0', 'connection', 'keep-alive, x-hop'],
        ...['x-hop', 'hop', 'keep-alive', 'timeout=9', 'proxy-authenticate', 'Basic'],
        ...['x-request-id', 'theirs', 'access-control-allow-origin', '*', 'x-frame-options', 'ALL'],
        ...['cache-control', 'max-age=5', 'location', 'http://elsewhere.example/'],
      ])
      res.end('short and stout')
    })
    const { status, headers, body } = await ask('/one')
    expect([status, body]).toEqual([418, 'short and stout'])
    expect(headers).toEqual({
      ...{ 'content-type': 'text/plain', 'x-twice': '1, 2', etag: '"e"' },
      ...{ 'cache-control': 'max-age=5', location: 'http://elsewhere.example/' },
      ...{ 'x-request-id': expect.stringMatching(/^req_/) as string, 'x-frame-options': 'DENY' },
      ...{ 'x-content-type-options': 'nosniff', 'x-xss-protection': '1; mode=block' },
      ...{ 'referrer-policy': 'no-referrer', date: expect.any(String) as string },
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      ...{ connection: 'close', 'transfer-encoding': 'chunked' },
    })
  })

  test('has no body where it may have none, and says how long one would be', async () => {
    upstream().answer((_req, res) => {
      res.writeHead(200, { 'content-length': '1234' })
      res.end()
    })
    const head = await ask('/one', { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '1234', ''])
    for (const code of [204, 304, 302]) {
      upstream().answer((_req, res) => res.writeHead(code, { location: '/x', etag: '"e"' }).end())
      const { status, headers, body } = await ask('/one')
      expect([status, headers['location'], headers['etag'], body]).toEqual([code, '/x', '"e"', ''])
    }
  })

  test('of 404, 405 or 500 is the service’s own', async () => {
    for (const code of [404, 405, 500, 501, 502, 503, 504]) {
      upstream().answer((_req, res) => res.writeHead(code).end('own words'))
      const { status, headers, body } = await ask('/one')
      expect([status, body, headers['x-should-retry']]).toEqual([code, 'own words', undefined])
    }
  })

  test('in events flows as it comes, while the request still comes too', async () => {
    const called = nextCall()
    const request = begin('/one', { method: 'POST', headers: { 'transfer-encoding': 'chunked' } })
    request.write('first')
    const { req, res } = await called
    expect(String((await once(req, 'data'))[0])).toBe('first')
    res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    expect(answer.headers['x-accel-buffering']).toBe('no')
    for (const word of ['a', 'b']) {
      res.write(`data: ${word}\n\n`)
      expect(String((await once(answer, 'data'))[0])).toBe(`data: ${word}\n\n`)
      request.write(word)
      expect(String((await once(req, 'data'))[0])).toBe(word)
    }
    request.end()
    await once(req, 'end')
    res.end()
    await once(answer, 'end')
    expect(answer.complete).toBe(true)
  })

  test('is read no faster than its caller reads, and the request no faster than its service', async () => {
    const piece = Buffer.alloc(64 * 1024)
    let isFull = false
    const fill = async (into: http.ClientRequest | ServerResponse): Promise<number> => {
      for (let count = 1; count <= 2_000; count++)
        if (!into.write(piece)) {
          isFull = (await Promise.race([once(into, 'drain'), silence()])) === undefined
          if (isFull) return count
        }
      return Infinity
    }
    const called = nextCall()
    const down = begin('/one')
    down.end()
    const { res } = await called
    const [unread] = (await Promise.all([once(down, 'response'), fill(res)])) as [
      [IncomingMessage],
      number,
    ]
    expect(isFull).toBe(true)
    unread[0].destroy()
    const uploading = nextCall()
    const headers = { 'content-length': String(BODY_BYTES_MAX) }
    const up = begin('/one', { method: 'POST', headers })
    up.on('error', () => undefined)
    const sent = await fill(up)
    expect([isFull, sent < 512]).toEqual([true, true])
    up.destroy()
    const { req } = await uploading
    req.destroy() // nobody reads on the way any more who would see the caller leave
  })
})

/** Long enough that what may still move has moved: nothing tells when something does not happen. */
const silence = (): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => {
      resolve(undefined)
    }, 500)
  })

describe('what breaks', () => {
  test('on the way to the caller never looks whole', async () => {
    for (const headers of [{}, { 'content-length': '1000' }]) {
      upstream().answer((_req, res) => {
        res.writeHead(200, headers).write('begun', () => {
          res.destroy()
        })
      })
      const { answer } = await open('/one')
      await expect(textOf(answer)).rejects.toThrow('aborted')
      expect(answer.complete).toBe(false)
    }
  })

  test('is not taken for an end by those whom only the end of the connection tells of it', async () => {
    const called = nextCall()
    const socket = net.connect(Number(new URL(house.gateway.url).port), '127.0.0.1')
    socket.write(`GET /one HTTP/1.0\r\nauthorization: Bearer ${key}\r\n\r\n`)
    const { res } = await called
    res.write('begun')
    let text = ''
    while (!text.endsWith('begun')) text += String((await once(socket, 'data'))[0])
    const failed = once(socket, 'error')
    res.destroy()
    expect([text, await failed]).toEqual([
      expect.stringContaining('HTTP/1.1 200 OK'),
      [expect.objectContaining({ code: 'ECONNRESET' })],
    ])
  })

  test('before the head, or is no HTTP, is a 502', async () => {
    const breaking: ((res: ServerResponse) => void)[] = [
      (res) => res.destroy(),
      (res) => res.socket?.end('HTTP/1.1 200 OK\r\ncontent-le'),
      (res) => res.socket?.end('no http\r\n\r\n'),
      (res) =>
        res.socket?.end(
          'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
        ),
      (res) => res.socket?.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`),
      (res) =>
        res.socket?.end(
          'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
        ),
    ]
    for (const [at, breakIt] of breaking.entries()) {
      upstream().answer((_req, res) => {
        breakIt(res)
      })
      const { status, body } = await ask('/one', { method: 'POST' })
      expect([at, status, JSON.parse(body)]).toMatchObject([
        ...[at, 502],
        { error: { code: 'upstream_error' }, type: 'api_error' },
      ])
    }
  })

  test('for want of an answer in time is a 504, and a cut where it has begun', async () => {
    upstream().answer(() => undefined)
    const { status, body } = await ask('/hasty')
    expect([status, JSON.parse(body)]).toMatchObject([
      ...[504, { detail: expect.stringContaining('Service timeout') as string }],
    ])
    upstream().answer((_req, res) => res.writeHead(200).write('begun'))
    const { answer } = await open('/hasty')
    await expect(textOf(answer)).rejects.toThrow('aborted')
  })

  test('by the caller’s leaving ends the call: before the head, behind it, and in the request', async () => {
    const before = nextCall()
    const waiting = begin('/one')
    waiting.on('error', () => undefined)
    waiting.end()
    const { res } = await before
    waiting.destroy()
    await closed(res)
    const behind = nextCall()
    const reading = begin('/one')
    reading.end()
    const begun = await behind
    begun.res.write('begun')
    const [answer] = (await once(reading, 'response')) as [IncomingMessage]
    answer.on('error', () => undefined)
    answer.destroy()
    await closed(begun.res)
    const within = nextCall()
    const sending = begin('/one', { method: 'POST', headers: { 'content-length': '100' } })
    sending.on('error', () => undefined)
    sending.write('half')
    const { req } = await within
    req.on('error', () => undefined)
    await once(req, 'data')
    sending.destroy()
    await closed(req)
    expect(req.complete).toBe(false)
  })

  test('because the body is too large is a 413, announced or not', async () => {
    const before = upstream().seen()
    const announced = begin('/one', {
      ...{ method: 'POST', headers: { 'content-length': String(BODY_BYTES_MAX + 1) } },
    })
    announced.on('error', () => undefined)
    announced.flushHeaders()
    const [answer] = (await once(announced, 'response')) as [IncomingMessage]
    expect([answer.statusCode, upstream().seen()]).toEqual([413, before])
    announced.destroy()
    const called = nextCall()
    const chunked = ask('/one', {
      ...{ method: 'POST', body: Buffer.alloc(BODY_BYTES_MAX + 1) },
      headers: { 'transfer-encoding': 'chunked' },
    })
    const { req } = await called
    req.on('error', () => undefined)
    req.resume()
    await closed(req)
    expect([(await chunked).status, req.complete]).toEqual([413, false])
  })

  test('because the body stands still is a 408 after ten seconds, whatever the service’s patience', async () => {
    const called = nextCall()
    const headers = { 'content-length': '100' }
    const stalled = begin('/hasty', { method: 'POST', headers })
    stalled.write('half')
    const { req } = await called
    req.on('error', () => undefined)
    const [answer] = (await once(stalled, 'response')) as [IncomingMessage]
    expect([answer.statusCode, answer.headers['connection']]).toEqual([408, 'close'])
    await closed(req)
    stalled.destroy()
  })

  test('leaves the caller’s connection good for the next request', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const { hostname, port } = new URL(house.gateway.url)
    const ports = new Set<number | undefined>()
    const post = async (to: string, bytes: number) => {
      const request = http.request({
        ...{ hostname, port, agent, path: to, method: 'POST' },
        headers: { authorization: `Bearer ${key}`, 'content-length': String(bytes) },
      })
      request.end(Buffer.alloc(bytes))
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      ports.add(answer.socket.localPort)
      await textOf(answer)
      return answer.statusCode
    }
    upstream().answer((_req, res) => res.writeHead(403).end('no need of the body'))
    expect(await post('/one', 3_000_000)).toBe(403)
    expect(await post('/gone', 3_000_000)).toBe(503)
    upstream().answer(echo('first'))
    expect(await post('/one', 10)).toBe(200)
    expect(ports.size).toBe(1)
    agent.destroy()
  })
})

describe('an instance', () => {
  test('that takes no connection is asked last, with the request to the next one', async () => {
    for (const method of ['GET', 'POST', 'GET', 'GET']) {
      const headers = method === 'POST' ? { 'content-length': '4' } : {}
      const got = await asked('/half/x', {
        method,
        headers,
        ...(method === 'POST' && { body: 'body' }),
      })
      expect([got.name, got.body]).toEqual(['second', method === 'POST' ? 'body' : ''])
    }
  })

  test('is what GET /services and GET /health tell of, and where there is none it is a 503', async () => {
    const told = async () => {
      const health = JSON.parse((await ask('/health')).body) as { services: object }
      const { services: list } = JSON.parse((await ask('/services')).body) as {
        services: { name: string }[]
      }
      return [health.services, list.find(({ name }) => name === 'gone')]
    }
    const { status, headers, body } = await ask('/gone/x')
    expect([status, headers['retry-after'], JSON.parse(body)]).toMatchObject([
      ...[
        503,
        '2',
        { error: { code: 'upstream_unavailable' }, detail: expect.any(String) as string },
      ],
    ])
    expect(body).not.toContain(new URL(dead).port)
    expect(await told()).toMatchObject([
      { one: true, half: true, gone: false },
      {
        ...{
          name: 'gone',
          healthy: false,
          kind: 'service',
          protocol: 'http',
          path_prefix: '/gone',
        },
        ...{ auth_required: true, timeout_ms: 30_000, health_check_ms: null },
      },
    ])
  })

  test('that closes a kept connection at the next request is asked again over a new one', async () => {
    const ports: (number | undefined)[] = []
    upstream().answer((req, res) => {
      ports.push(req.socket.remotePort)
      if (ports.filter((port) => port === req.socket.remotePort).length > 1) res.destroy()
      else res.end('well')
    })
    for (let count = 0; count < 2; count++) expect((await ask('/one')).body).toBe('well')
    expect([ports.length, new Set(ports).size]).toEqual([3, 2])
  })
})

describe('the limit', () => {
  test('of a service is each caller’s own, told as others are', async () => {
    const { key: mine } = await house.gateway.user('often', '0')
    const { key: another } = await house.gateway.user('often', '0')
    const { headers } = await ask('/few', { key: mine })
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' })
    expect((await ask('/few', { key: another })).status).toBe(200)
    const before = upstream().seen()
    const refused = await ask('/few', { key: mine })
    expect([refused.status, refused.headers, JSON.parse(refused.body)]).toMatchObject([
      ...[429, { 'x-ratelimit-remaining': '0', 'retry-after': expect.any(String) as string }],
      {
        error: {
          code: 'rate_limit_exceeded',
          message: expect.stringContaining("to 'few'") as string,
        },
      },
    ])
    expect((await ask('/few')).status).toBe(200)
    expect((await ask('/one', { key: mine })).status).toBe(200)
    expect(upstream().seen()).toBe(before + 2)
  })

  test('of an address holds where nobody says who they are', async () => {
    const statuses = []
    for (let count = 0; count < 3; count++)
      statuses.push((await ask('/open', { key: undefined })).status)
    expect(statuses.at(-1)).toBe(429)
  })

  test('of an account counts what went out, and nothing is charged for it', async () => {
    const { key: mine, account } = await house.gateway.user('limited', '5')
    const change = (limits: object) =>
      ask(`/admin/accounts/${account}`, {
        ...{ method: 'PATCH', key: house.gateway.adminKey, body: JSON.stringify({ limits }) },
        headers: { 'content-type': 'application/json' },
      })
    expect((await change({ requests_per_minute: 2 })).status).toBe(200)
    expect((await ask('/gone', { key: mine })).status).toBe(503)
    const { headers } = await ask('/one', { key: mine })
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' })
    expect((await ask('/one', { key: mine })).status).toBe(200)
    expect((await ask('/one', { key: mine })).status).toBe(429)
    const seen = JSON.parse((await ask('/v1/account', { key: mine })).body) as object
    expect(seen).toMatchObject({
      ...{ credits: { balance: '5', held: '0' } },
      limits: { requests_per_minute: { limit: 2, used: 2 } },
    })
    await change({ requests_per_minute: 0 })
    await ask(`/admin/accounts/${account}`, {
      ...{ method: 'PATCH', key: house.gateway.adminKey, body: '{"disabled":true}' },
      headers: { 'content-type': 'application/json' },
    })
    expect((await ask('/one', { key: mine })).status).toBe(403)
  })
})

describe('the operator', () => {
  test('finds a line for each request, without path and query, and its series by the service', async () => {
    const { headers } = await ask('/one/private?secret=1')
    const refused = await ask('/gone/private?secret=1')
    const lineOf = (id: unknown) =>
      house.gateway
        .output()
        .split('\n')
        .filter((line) => line.includes(String(id)))
    await expect.poll(() => lineOf(headers['x-request-id'])).toHaveLength(1)
    expect(JSON.parse(lineOf(headers['x-request-id'])[0] ?? '')).toMatchObject({
      ...{ event: 'service', service: 'one', method: 'GET', account: 'caller', status: 200 },
      ...{ outcome: 'finished', key: expect.stringMatching(/^key_/) as string },
    })
    await expect.poll(() => lineOf(refused.headers['x-request-id'])).toHaveLength(1)
    expect(house.gateway.output()).not.toMatch(/private|secret=1/)
    const { body } = await ask('/metrics', { key: house.gateway.adminKey })
    expect(body).toMatch(
      /api_gateway_requests_total\{method="GET",endpoint="service:one",status="200"\} [1-9]/,
    )
    expect(body).toMatch(
      /api_gateway_requests_total\{method="GET",endpoint="service:gone",status="503"\} [1-9]/,
    )
    expect(body).toMatch(/api_gateway_service_health_status\{service_name="one"\} 1/)
    expect(body).not.toContain('private')
  })

  test('changes them by the file alone', async () => {
    const file = path.join(house.gateway.dir, 'gateway.yaml')
    const before = fs.readFileSync(file, 'utf8')
    const reload = async (text: string) => {
      fs.writeFileSync(file, text)
      const asking = { method: 'POST', key: house.gateway.adminKey }
      return ask('/admin/config/reload', asking)
    }
    expect((await ask('/later/x')).status).toBe(404)
    const later = `  - { name: later, prefix: /later, url: "${url(first)}" }\n`
    await reload(before.replace('services:\n', `services:\n${later}`))
    expect((await asked('/later/x')).url).toBe('/later/x')
    const wrong = await reload(before.replace('services:\n', `services:\n${later}${later}`))
    expect(wrong.body).toContain('is /later again')
    expect((await ask('/later/x')).status).toBe(200)
    await reload(before)
    expect((await ask('/later/x')).status).toBe(404)
  })

  test('who stops the gateway lets what is answered come to its end', async () => {
    const called = nextCall()
    const request = begin('/one')
    request.end()
    const { res } = await called
    res.write('begun')
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    const text = textOf(answer)
    const stopped = house.gateway.stop()
    const isGone = () => net.connect(Number(new URL(house.gateway.url).port), '127.0.0.1')
    await expect
      .poll(
        async () =>
          (await once(isGone(), 'connect').catch((error: unknown) => error)) instanceof Error,
      )
      .toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 5_000)) // longer than last words take
    res.end(', ended')
    expect([await text, await stopped]).toEqual(['begun, ended', 0])
  })
})
