import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { readRequestHead } from './request-head.ts'

const LINE = 'POST /v1/chat/completions HTTP/1.1'
const PLAIN = ['host: localhost', 'authorization: Bearer tg-key', 'content-length: 5']
const bytesOf = (lines: readonly string[], line = LINE) =>
  Buffer.from(`${[line, ...lines].join('\r\n')}\r\n\r\n{"a"}`, 'latin1')
/** From memory that has the end of an earlier read behind them. */
const readHead = (bytes: Buffer) =>
  readRequestHead(Buffer.concat([bytes, EARLIER]), bytes.byteLength)
const EARLIER = Buffer.from('\n\r\n\r\nearlier')

test('the head of a plain chat request is read, whatever the case of its names and the space around its values', () => {
  const bytes = bytesOf([
    'Host:localhost',
    'AUTHORIZATION: \t Bearer tg-key \t',
    'Content-Length:  5',
    'X-Stainless-Retry-Count: 1',
    'connection: Keep-Alive',
    'accept: */*',
    'x-something-else: one',
    'x-something-else: two',
  ])
  expect(readHead(bytes)).toEqual({
    headers: { host: 'localhost', authorization: 'Bearer tg-key', 'x-stainless-retry-count': '1' },
    length: 5,
    bodyAt: bytes.length - 5,
  })
})

test.each([
  ['another method', PLAIN, 'PUT /v1/chat/completions HTTP/1.1'],
  ['another path', PLAIN, 'POST /v1/models HTTP/1.1'],
  ['a query', PLAIN, 'POST /v1/chat/completions?a=1 HTTP/1.1'],
  ['an older version', PLAIN, 'POST /v1/chat/completions HTTP/1.0'],
  ['no host', PLAIN.slice(1)],
  ['two hosts', [...PLAIN, 'Host: other']],
  ['no length', PLAIN.slice(0, 2)],
  ['two lengths', [...PLAIN, 'content-length: 5']],
  ['a length that is none', [...PLAIN.slice(0, 2), 'content-length: +5']],
  ['a length in hex', [...PLAIN.slice(0, 2), 'content-length: 0x5']],
  ['two lengths in one', [...PLAIN.slice(0, 2), 'content-length: 5, 5']],
  ['a coding', [...PLAIN, 'Transfer-Encoding: chunked']],
  ['a coding that is none', [...PLAIN, 'transfer-encoding: identity']],
  ['a compressed body', [...PLAIN, 'Content-Encoding: gzip']],
  ['an expectation', [...PLAIN, 'expect: 100-continue']],
  ['an upgrade', [...PLAIN, 'upgrade: websocket', 'connection: upgrade']],
  ['its last request', [...PLAIN, 'connection: close']],
  ['a page of another origin', [...PLAIN, 'origin: https://example.com']],
  ['two keys', [...PLAIN, 'Authorization: Bearer other']],
  ['a folded value', [...PLAIN, 'x-a: one', ' two']],
  ['a space before the colon', [...PLAIN, 'x-a : one']],
  ['a name with a space', [...PLAIN, 'x a: one']],
  ['no name', [...PLAIN, ': one']],
  ['no colon', [...PLAIN, 'x-a']],
  ['a control character', [...PLAIN, 'x-a: \x01']],
  ['a bare carriage return', [...PLAIN, 'x-a: one\rtwo']],
  ['a bare line feed', [...PLAIN, 'x-a: one\ntransfer-encoding: chunked']],
  ['more headers than anybody needs', [...PLAIN, ...Array.from({ length: 100 }, () => 'a: b')]],
  ['a head longer than anybody needs', [...PLAIN, `x-a: ${'a'.repeat(9_000)}`]],
])('%s is left to Node', (_, lines, line = LINE) => {
  expect(readHead(bytesOf(lines, line))).toBeUndefined()
})

test('a name that differs in one character from one that is read is another one', () => {
  const tokens = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
  const plain = readHead(bytesOf(PLAIN))
  for (const name of ['content-length', 'transfer-encoding', 'host', 'authorization', 'api-key']) {
    for (const [at, own] of Array.from(name).entries()) {
      for (const other of Array.from(tokens).filter((one) => one.toLowerCase() !== own)) {
        const near = `${name.slice(0, at)}${other}${name.slice(at + 1)}: 7`
        expect(readHead(bytesOf([near, ...PLAIN]))).toMatchObject({
          headers: plain?.headers,
          length: 5,
        })
      }
    }
  }
})

test('after a head that is none the next one is read from its beginning', () => {
  for (const bad of ['x-a : one', 'x-a: \x01', 'x-a: one\rtwo']) {
    expect(readHead(bytesOf([...PLAIN, bad]))).toBeUndefined()
    expect(readHead(bytesOf(PLAIN))).toMatchObject({ length: 5 })
    expect(readHead(bytesOf([bad, ...PLAIN]))).toBeUndefined()
  }
})

test('a head that is cut anywhere is left to Node', () => {
  const bytes = bytesOf(PLAIN)
  for (let length = 0; length < bytes.length - 5; length++)
    expect(readHead(bytes.subarray(0, length))).toBeUndefined()
})

/** What Node's own parser makes of bytes, which come all at once; undefined: it refuses them. */
async function nodeReader() {
  let found: (result: Read | undefined) => void = () => undefined
  const server = http.createServer({ requireHostHeader: false }, (req) => {
    const pieces: Buffer[] = []
    req.on('data', (piece: Buffer) => pieces.push(piece))
    req.on('close', () => {
      found({ req, body: Buffer.concat(pieces) })
    })
    req.on('end', () => {
      found({ req, body: Buffer.concat(pieces) })
    })
  })
  server.on('clientError', (_, socket) => {
    socket.destroy()
    found(undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (bytes: Buffer) =>
    new Promise<Read | undefined>((resolve) => {
      const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
      found = (result) => {
        socket.destroy()
        resolve(result)
      }
      socket.on('error', () => undefined)
      socket.end(bytes)
    })
}

type Read = Readonly<{ req: IncomingMessage; body: Buffer }>

const NAMES = [
  ...['host', 'Host', 'authorization', 'content-length', 'Content-Length', 'connection', 'x-a'],
  ...['transfer-encoding', 'expect', 'x-api-key', 'api-key', 'content-type', 'x-max-cost'],
  ...[
    'traceparent',
    'x-request-id',
    'idempotency-key',
    'x-forwarded-for',
    'x-forwarded-proto',
    'content-length ',
  ],
]
const VALUES = [
  '5',
  '0',
  ' 5',
  '5 ',
  '05',
  '5,5',
  'chunked',
  'keep-alive',
  'close',
  'a',
  '',
  '\t',
  '5\xa0',
  '\xa05',
  'keep-alive\xa0',
]
const MISCHIEF = [
  '\xa0',
  '\r',
  '\n',
  '\0',
  '\x7f',
  '\x80',
  '\xff',
  ' ',
  ':',
  '\r\n ',
  '\r\n\r\n',
  'é',
]

/** Headers as they may be, and then something put in somewhere. */
const heads = fc
  .record({
    fields: fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)), {
      maxLength: 6,
    }),
    plain: fc.constantFrom([], PLAIN, PLAIN.slice(0, 2)),
    mischief: fc.option(fc.tuple(fc.constantFrom(...MISCHIEF), fc.nat(200))),
  })
  .map(({ fields, plain, mischief }) => {
    const lines = [...plain, ...fields.map(([name, value]) => `${name}:${value}`)]
    const text = `${[LINE, ...lines].join('\r\n')}\r\n\r\n{"a"}`
    if (mischief === null) return Buffer.from(text, 'latin1')
    const [what, at] = mischief
    return Buffer.from(text.slice(0, at) + what + text.slice(at), 'latin1')
  })

test('whatever is read here, Node would have read in the same way', async () => {
  const byNode = await nodeReader()
  let read = 0
  await fc.assert(
    fc.asyncProperty(heads, async (bytes) => {
      const head = readHead(bytes)
      const end = (head?.bodyAt ?? 0) + (head?.length ?? 0)
      if (head === undefined || bytes.length < end) return
      read++
      const node = await byNode(bytes.subarray(0, end))
      expect(node?.req.url).toBe('/v1/chat/completions')
      expect(node?.req.headers['transfer-encoding']).toBeUndefined()
      for (const [name, value] of Object.entries(head.headers))
        expect(node?.req.headers[name]).toBe(value)
      expect(node?.body).toEqual(bytes.subarray(head.bodyAt, end))
    }),
    { numRuns: 3_000 },
  )
  expect(read).toBeGreaterThan(100)
})
