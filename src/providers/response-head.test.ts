import { expect, test } from 'vitest'
import { parseResponseHead } from './response-head.ts'

const head = (...lines: readonly string[]) =>
  parseResponseHead(lines.map((line) => `${line}\r\n`).join(''))
const TOKEN_CHARACTERS = Array.from(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
)
const ok = (...headers: readonly string[]) => head('HTTP/1.1 200 OK', ...headers)

test('what matters is found in any case and among others', () => {
  expect(
    ok('Server: x', 'CONTENT-type:  text/event-stream ', 'Retry-After:7', 'content-length: 12'),
  ).toEqual({
    ...{ status: 200, contentType: 'text/event-stream', retryAfter: '7', length: 12 },
    ...{ isChunked: false, keepsAlive: true, idleSeconds: undefined },
  })
  expect(ok('Transfer-Encoding: Chunked')).toMatchObject({ isChunked: true, length: undefined })
  expect(ok('keep-alive: timeout=5, max=100')).toMatchObject({ idleSeconds: 5 })
})

test('a name that differs in one character from one that matters is another one', () => {
  const names = ['content-length', 'transfer-encoding', 'connection', 'keep-alive']
  for (const name of names) {
    for (const [at, own] of Array.from(name).entries()) {
      for (const other of TOKEN_CHARACTERS.filter((one) => one.toLowerCase() !== own)) {
        const read = ok(
          `${name.slice(0, at)}${other}${name.slice(at + 1)}: close`,
          'retry-after: 1',
        )
        expect(read).toEqual(ok('retry-after: 1'))
      }
    }
  }
})

test('around a value only spaces and tabs are none of it', () => {
  expect(ok('content-length: \t 5\t ')?.length).toBe(5)
  expect(ok('content-length:\xa05')).toBeUndefined()
  expect(ok('content-length: 5\xa0')).toBeUndefined()
  expect(ok('transfer-encoding:\xa0chunked')).toBeUndefined()
})

test('how long a connection is kept is said anew by each answer', () => {
  const said = ['timeout=5', 'timeout=7', 'max=1', 'timeout=7', 'TIMEOUT=5', '']
  const heads = said.map((value) => ok(`keep-alive: ${value}`)?.idleSeconds)
  expect(heads).toEqual([5, 7, undefined, 7, 5, undefined])
  expect(ok()?.idleSeconds).toBeUndefined()
})

test('a reason may be missing, empty or in any language', () => {
  for (const line of ['HTTP/1.1 404', 'HTTP/1.1 404 ', 'HTTP/1.1 404 Gibt’s nicht'.normalize()]) {
    expect(head(Buffer.from(line).toString('latin1'))?.status).toBe(404)
  }
})

test.each([
  ['HTTP/1.1', [], true],
  ['HTTP/1.1', ['connection: close'], false],
  ['HTTP/1.1', ['Connection: Upgrade, Close'], false],
  ['HTTP/1.1', ['connection: upgrade', 'connection: close'], false],
  ['HTTP/1.0', [], false],
  ['HTTP/1.0', ['connection: keep-alive'], true],
])('after %s with %j the connection stays: %s', (version, headers, keepsAlive) => {
  expect(head(`${version} 200 OK`, ...headers)).toMatchObject({ keepsAlive })
})

test.each([
  ['another protocol', ['ICY 200 OK']],
  ['another version', ['HTTP/2 200 OK']],
  ['no status', ['HTTP/1.1 OK']],
  ['a status of two digits', ['HTTP/1.1 20 OK']],
  ['a status beyond all', ['HTTP/1.1 999 OK']],
  ['a line without a colon', ['HTTP/1.1 200 OK', 'hello']],
  ['a name with a space', ['HTTP/1.1 200 OK', 'content-length : 5']],
  ['a line that goes on', ['HTTP/1.1 200 OK', 'a: b', ' c']],
  ['a zero byte', ['HTTP/1.1 200 OK', 'a: \0']],
  ['a bare line feed', ['HTTP/1.1 200 OK', 'a: b\nc: d']],
  ['a bare carriage return', ['HTTP/1.1 200 OK', 'a: b\rc: d']],
  ['two lengths', ['HTTP/1.1 200 OK', 'content-length: 5', 'content-length: 6']],
  ['the same length twice', ['HTTP/1.1 200 OK', 'content-length: 5', 'content-length: 5']],
  ['a length with a sign', ['HTTP/1.1 200 OK', 'content-length: +5']],
  ['a list of lengths', ['HTTP/1.1 200 OK', 'content-length: 5, 5']],
  ['an endless length', ['HTTP/1.1 200 OK', `content-length: ${'9'.repeat(16)}`]],
  ['length and chunks', ['HTTP/1.1 200 OK', 'content-length: 5', 'transfer-encoding: chunked']],
  ['an unknown encoding', ['HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked']],
  ['two encodings', ['HTTP/1.1 200 OK', 'transfer-encoding: chunked', 'transfer-encoding: x']],
])('%s is refused', (_what, lines) => {
  expect(head(...lines)).toBeUndefined()
})
