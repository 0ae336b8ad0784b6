import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openHouse, type Client, type House } from '../support/house.ts'
import { checkInvariants } from '../support/invariants.ts'
import { ofKind, untilLogged } from '../support/journal.ts'
import { planted } from '../support/planted.ts'
import { answerIn, markedChat, type RawAnswer } from '../support/raw.ts'
import { baseOf, warmBaseOf, type Base } from '../support/returned.ts'

let house: House
let client: Client
let base: Base
const heard: RawAnswer[] = []

beforeAll(async () => {
  house = await openHouse(
    {
      words: ['answer?chunks=3'],
      waiting: ['answer?hang'],
      mute: ['answer?stall=0'],
      slow: ['answer?chunks=200&every=20'],
      finished: ['answer?chunks=3&held_rest'],
      unsaid: ['answer?usage=none'],
      flood: ['answer?raw=endless_words&raw_after=1'],
    },
    'streams: { idle_reader_ms: 1000 }',
    planted(),
  )
  // A reader who dawdles on a busy machine must be found by that, and not by the time of the whole answer.
  const file = path.join(house.gateway.dir, 'gateway.yaml')
  const config = fs.readFileSync(file, 'utf8').replace('total_ms: 8000', 'total_ms: 60000')
  fs.writeFileSync(file, config)
  await untilLogged(house.gateway.output, 'configuration reloaded')
  client = await house.client('100000000')
  // What a flood takes for the first time the allocator keeps, and so does the thread that counts tokens.
  await readNothing()
  base = await warmBaseOf(house.gateway, () => talk(request('unsaid')))
}, 120_000)
afterAll(() => house.close())

const lines = (...list: readonly string[]): string => [...list, '', ''].join('\r\n')
const POST = 'POST /v1/chat/completions HTTP/1.1'
const key = () => `authorization: Bearer ${client.key}`
const lengthOf = (body: string) => `content-length: ${Buffer.byteLength(body)}`

function request(model: string, { more = [] as string[], stream = false } = {}): string {
  const body = markedChat(model, { stream })
  return lines(POST, 'host: x', key(), lengthOf(body), 'connection: close', ...more) + body
}

const connect = (): net.Socket =>
  net.connect(Number(new URL(house.gateway.url).port), '127.0.0.1').on('error', () => undefined)

/** All that comes back until the gateway closes the connection. */
function talk(text: string, kind?: RawAnswer['kind']): Promise<string> {
  const socket = connect()
  socket.write(Buffer.from(text, 'latin1'))
  return new Promise((resolve) => {
    let got = ''
    socket.on('data', (piece) => (got += piece.toString()))
    socket.on('close', () => {
      hear(got, text, kind)
      resolve(got)
    })
  })
}

/** What somebody got on a bare connection is looked at in the end, too. */
function hear(got: string, asked: string, kind?: RawAnswer['kind']): void {
  const answer = answerIn(got, asked)
  if (answer !== undefined) heard.push({ ...answer, ...(kind !== undefined && { kind }) })
}

const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
const headed = (...headers: readonly string[]) => lines(POST, 'host: x', key(), ...headers)

/** Each with the body of a request that would be answered and charged. */
const REFUSED: Readonly<Record<string, (body: string) => string>> = {
  'a length and chunks': (body) =>
    headed(lengthOf(body), 'transfer-encoding: chunked') + chunked(body),
  'two equal lengths': (body) => headed(lengthOf(body), lengthOf(body)) + body,
  'two lengths': (body) => headed(lengthOf(body), 'content-length: 6') + body,
  'chunked, identity': (body) => headed('transfer-encoding: chunked, identity') + chunked(body),
  'a vertical tab': (body) => headed('transfer-encoding: \u000bchunked') + chunked(body),
  'a space before the colon': (body) => headed('transfer-encoding : chunked') + chunked(body),
  'bare line feeds': (body) => headed(lengthOf(body)).replaceAll('\r\n', '\n') + body,
  'a folded header': (body) => headed(lengthOf(body), 'x-a: a\r\n b') + body,
  'NUL in a header': (body) => headed(lengthOf(body), 'x-a: a\u0000b') + body,
  'NUL in the key': (body) =>
    lines(POST, 'host: x', 'authorization: Bearer a\u0000b', lengthOf(body)) + body,
  '17 KiB of header': (body) => headed(lengthOf(body), `x-a: ${'a'.repeat(17_408)}`) + body,
  '2 001 headers': (body) =>
    headed(lengthOf(body), ...Array.from({ length: 2_001 }, (_, at) => `a${at}:1`)) + body,
  'two hosts': (body) => headed('host: y', lengthOf(body)) + body,
  'no host': (body) => lines(POST, key(), lengthOf(body)) + body,
  'two keys': (body) => headed('authorization: Bearer other', lengthOf(body)) + body,
  'a mebibyte of key': (body) =>
    lines(POST, 'host: x', `authorization: Bearer ${'x'.repeat(1_048_576)}`, lengthOf(body)) + body,
  'a chunk without size': () => `${headed('transfer-encoding: chunked')}zz\r\n`,
  '20 KB of chunk extension': () =>
    `${headed('transfer-encoding: chunked')}5;${'a'.repeat(20_000)}\r\n`,
  'a method of a kibibyte': () => lines(`${'A'.repeat(1_024)} / HTTP/1.1`, 'host: x'),
  CONNECT: () => lines('CONNECT example.com:443 HTTP/1.1', 'host: example.com:443'),
  TRACE: () => lines('TRACE / HTTP/1.1', 'host: x', 'connection: close'),
  'HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'no HTTP': () => 'hello there\r\n\r\n',
  'an address of 64 KiB': () => lines(`GET /${'x'.repeat(65_536)} HTTP/1.1`, 'host: x'),
}

/** Those among them that are requests all the same: they have an id, and a refusal like any other. */
const REQUESTS = new Set(['2 001 headers', 'two hosts', 'no host', 'two keys', 'TRACE'])

describe('HTTP: on the wire', () => {
  test.each(Object.keys(REFUSED))('%s is refused with a reason and for nothing', async (name) => {
    const calls = house.upstream.journal.length
    const text = REFUSED[name]?.(markedChat('words')) ?? ''
    const got = await talk(text, REQUESTS.has(name) ? undefined : 'unparsed')
    const [head = '', body = ''] = got.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(JSON.parse(body)).toHaveProperty('error.message')
    expect(house.upstream.journal.length).toBe(calls)
  })

  test('of headers there may be a thousand, and one too many is told so', async () => {
    const withHeaders = (count: number) => {
      const rest = Array.from({ length: count - 4 }, (_, at) => `a${at}:1`) // host, key, length, connection
      return talk(request('words', { more: rest }))
    }
    expect(await withHeaders(1_000)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(await withHeaders(1_001)).toMatch(
      /^HTTP\/1\.1 400 [^]*"Send no more than 1000 headers\."/,
    )
  })

  test.each([
    [
      'a tab before the coding',
      (body: string) => headed('transfer-encoding:\tchunked', 'connection: close') + chunked(body),
    ],
    ['a header called __proto__', () => request('words', { more: ['__proto__: x'] })],
    [
      'an upgrade to h2c',
      () => request('words', { more: ['upgrade: h2c', 'http2-settings: AAAA'] }),
    ],
    ['an upgrade to a websocket', () => request('words', { more: ['upgrade: websocket'] })],
    [
      'an upgrade to h2c that the connection names',
      (body: string) => headed(lengthOf(body), 'upgrade: h2c', 'connection: upgrade, close') + body,
    ],
    [
      'an upgrade to a websocket that the connection names',
      (body: string) =>
        headed(lengthOf(body), 'upgrade: websocket', 'connection: upgrade, close') + body,
    ],
    [
      'a key in a trailer',
      (body: string) =>
        headed('transfer-encoding: chunked', 'connection: close') +
        chunked(body).replace(/\r\n\r\n$/, '\r\nauthorization: Bearer x\r\n\r\n'),
    ],
  ])('%s changes nothing: one answer, one call', async (_, text) => {
    const calls = house.upstream.journal.length
    expect(await talk(text(markedChat('words')))).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(house.upstream.journal.length).toBe(calls + 1)
  })

  test('a handshake for a websocket is a request like any other, for what is not there', async () => {
    const handshake = ['upgrade: websocket', 'sec-websocket-version: 13', 'sec-websocket-key: eA==']
    for (const [path, status] of [
      ['/v1/realtime', 404],
      ['/v1/chat/completions', 405],
    ] as const) {
      const head = [`GET ${path} HTTP/1.1`, 'host: x', key(), 'connection: upgrade, close']
      const got = await talk(lines(...head, ...handshake))
      expect(got).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*"invalid_request_error"`))
    }
  })

  test('who is slow to ask is sent away, in the head as in the body', async () => {
    const [head, body, silent] = await Promise.all([
      talk(`${POST}\r\nhost: x\r\n`, 'unparsed'),
      talk(request('words').slice(0, -10)),
      talk(headed('content-length: 100', 'expect: 100-continue')),
    ])
    expect(head).toMatch(/^HTTP\/1\.1 408 /)
    expect(body).toMatch(/^HTTP\/1\.1 408 [^]*x-request-id: req_[^]*"code":"request_timeout"/i)
    expect(silent).toMatch(/^(HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 408 /)
  })
})

describe('F58: a caller who leaves', () => {
  const settles = () => ofKind(house.gateway.dir, 'settle')

  test.each([
    ['before saying anything', ''],
    ['in the request line', 'POST /v1/ch'],
    ['in the head', `${POST}\r\nhost: x\r\nauth`],
    ['before the body', lines(POST, 'host: x', 'content-length: 100')],
  ])('%s leaves nothing behind', async (_, text) => {
    const before = settles().length
    const socket = connect()
    await new Promise<void>((resolve) =>
      socket.write(text || ' ', () => {
        resolve()
      }),
    )
    socket.destroy()
    expect(await talk(request('words'))).toContain('word2')
    expect(settles().length).toBe(before + 1)
  })

  test('in the body leaves nothing behind', async () => {
    const before = settles().length
    const socket = connect()
    const text = request('words').slice(0, -20)
    await new Promise<void>((resolve) =>
      socket.write(text, () => {
        resolve()
      }),
    )
    socket.destroy()
    expect(await talk(request('words'))).toContain('word2')
    expect(settles().length).toBe(before + 1)
  })

  type Point = readonly [
    when: string,
    model: string,
    how: (socket: net.Socket) => Promise<void>,
    outcome: string,
    stream?: false,
  ]
  const asked = async (): Promise<void> => {
    const calls = house.upstream.journal.length
    await house.upstream.until((journal) => journal.length > calls)
  }
  const seen = (socket: net.Socket, text: string): Promise<void> =>
    new Promise((resolve) => {
      let got = ''
      socket.on('data', (piece) => {
        got += piece.toString()
        if (got.includes(text)) resolve()
      })
    })
  const POINTS: readonly Point[] = [
    ['as soon as it was asked', 'waiting', asked, 'aborted_early'],
    ['while a whole answer is waited for', 'waiting', asked, 'aborted_early', false],
    ['before the first token', 'mute', asked, 'aborted_early'],
    ['at the head of the stream', 'slow', (socket) => seen(socket, 'HTTP/1.1 200'), 'aborted'],
    ['after the first token', 'slow', (socket) => seen(socket, 'word0'), 'aborted'],
    ['in the middle', 'slow', (socket) => seen(socket, 'word20'), 'aborted'],
    ['behind the last token', 'finished', (socket) => seen(socket, '"stop"'), 'aborted'],
  ]
  const LEAVING = {
    'with a reset': (socket: net.Socket) => socket.resetAndDestroy(),
    'by closing': (socket: net.Socket) => socket.destroy(),
    'by closing its half': (socket: net.Socket) => socket.end(),
  }
  /** How long it took until the provider saw that each of them had left, by when they did. */
  const seenMs = new Map<string, number[]>()
  const timed = async (when: string, call: number): Promise<void> => {
    const begun = performance.now()
    await house.upstream.until((journal) => journal[call]?.ended === 'caller_left')
    seenMs.set(when, [...(seenMs.get(when) ?? []), performance.now() - begun])
  }
  const cases = POINTS.flatMap((point) =>
    Object.entries(LEAVING).map(([how, leave]) => [point[0], how, point, leave] as const),
  )

  test.each(cases)(
    '%s, %s: its provider is told to stop, and the outcome decides the charge',
    async (when, _how, [, model, until, outcome, stream = true], leave) => {
      const before = new Set(settles().map(({ ref }) => ref))
      const calls = house.upstream.journal.length
      const socket = connect()
      const reached = until(socket)
      const text = request(model, { stream })
      let got = ''
      socket.on('data', (piece) => (got += piece.toString()))
      socket.write(text)
      await reached
      leave(socket)
      await timed(when, calls)
      await expect.poll(() => settles().filter(({ ref }) => !before.has(ref)).length).toBe(1)
      expect(settles().at(-1)).toMatchObject({ outcome })
      socket.destroy()
      expect(answerIn(got, text) !== undefined).toBe(outcome === 'aborted')
      hear(got, text, 'left')
    },
  )

  test('behind the last token pays what the provider goes on to report', async () => {
    const before = new Set(settles().map(({ ref }) => ref))
    const calls = house.upstream.journal.length
    const socket = connect()
    const reached = seen(socket, '"stop"')
    socket.write(request('finished', { stream: true }))
    await reached
    socket.destroy()
    house.upstream.letGo()
    const ended = () => settles().find(({ ref }) => !before.has(ref))
    await expect.poll(ended).toMatchObject({ outcome: 'finished' })
    const { prompt, completion } = house.upstream.journal[calls]?.usage ?? {}
    expect(ended()).toMatchObject({ usage: { input: prompt, output: completion } })
    expect(ended()?.['estimated']).toBeUndefined()
  })

  test('is not asked for any longer: within a second the provider knows', () => {
    expect(seenMs.size).toBe(POINTS.length)
    // The quickest of three: a machine that had other things to do is late once, a gateway that waits is late each time.
    for (const [when, all] of seenMs)
      expect([when, Math.min(...all) <= 1_000]).toEqual([when, true])
  })
})

const READERS = 12

/** Readers who read nothing, until all of them are taken for gone. */
async function readNothing(): Promise<void> {
  const calls = house.upstream.journal.length
  const sockets = Array.from({ length: READERS }, () => {
    const socket = connect().pause()
    socket.write(request('flood', { stream: true }))
    return socket
  })
  const settled = () =>
    ofKind(house.gateway.dir, 'settle').filter(({ deployment }) =>
      String(deployment).includes('endless_words'),
    )
  const before = settled().length
  await house.upstream.until((journal) => journal.length === calls + READERS)
  await vi.waitFor(() => expect(settled()).toHaveLength(before + READERS), 30_000)
  expect(settled().every(({ outcome }) => outcome === 'aborted')).toBe(true)
  for (const socket of sockets) socket.destroy()
}

test('F59: readers who read nothing take a bounded memory, and are taken for gone', async () => {
  const { memoryBytes: before } = await baseOf(house.gateway)
  await readNothing()
  const { memoryBytes } = await baseOf(house.gateway)
  expect(memoryBytes - before).toBeLessThan(READERS * 16 * 1_048_576)
})

test('after all of it everything is as it should be, and as it was', async () => {
  const { gateway, upstream } = house
  const secrets = ['upstream-secret-1', client.key, gateway.adminKey]
  await checkInvariants({ gateway, upstreams: [upstream], secrets, base }, heard)
}, 60_000)
