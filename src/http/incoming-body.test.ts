import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Failure } from '../domain/failure.ts'
import type { Clock } from '../ports/clock.ts'
import type { Load } from '../ports/load.ts'
import { IncomingBody } from './incoming-body.ts'
import { Intake } from './intake.ts'
import { nodeBody } from './node-body.ts'
import { readChatRequest } from './read-chat-request.ts'

const BYTES_MAX = 10_000
type Read = (req: http.IncomingMessage) => unknown

const settings = {
  ...{ loopDelayStreamsMs: 100, loopDelayAllMs: 250, heapShareLargeBodies: 0.8, heapShareAll: 0.9 },
  ...{ memoryShareLeave: 0.95, memoryBytesMax: undefined, bodyMemoryBytesMax: 30_000 },
}
const CALM: Load = {
  ...{ refused: 'nothing', takesLargeBodies: true },
  strain: { loopDelayMs: 0, cpuShare: 0, heapShare: 0, memoryShare: 0 },
}

function intakeOf(load = CALM) {
  let now = 0
  const looks: (() => void)[] = []
  const clock: Clock = {
    ...{ nowMs: () => now, ticksMs: () => now },
    after: (_, run) => {
      looks.push(run)
      return () => undefined
    },
  }
  const intake = new Intake({ house: { load, clock, chance: () => 0.5 }, settings: () => settings })
  const pass = (ms: number) => {
    now += ms
    for (const look of looks.splice(0)) look()
  }
  return { intake, pass }
}

const bodyOf = (req: http.IncomingMessage, { intake } = intakeOf(), bytesMax = BYTES_MAX) =>
  new IncomingBody(nodeBody(req), intake, bytesMax)

const tried = async (read: () => unknown): Promise<unknown> => await read()

/** What became of each body that a real server read. */
async function reader(read: Read = (req) => bodyOf(req).read()) {
  const results: unknown[] = []
  const server = http.createServer((req, res) => {
    tried(() => read(req))
      .catch((error: unknown) => error)
      .then((result) => {
        results.push(result)
        res.end()
      })
      .catch(() => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { results, port, url: `http://127.0.0.1:${port}/` }
}

async function resultOf(body: Buffer, headers: Record<string, string> = {}, read?: Read) {
  const { results, url } = await reader(read)
  await fetch(url, { method: 'POST', body: new Uint8Array(body), headers })
  return results[0]
}

const codeOf = (result: unknown) => (result instanceof Failure ? result.code : result)
const text = Buffer.from(JSON.stringify({ text: 'Größe 👋'.repeat(100) }))

describe('a body', () => {
  test.each([
    ['identity', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('sent with %s comes out whole', async (encoding, compress) => {
    const result = await resultOf(compress(text), { 'content-encoding': encoding })
    expect(result).toEqual(text)
  })

  test('of exactly the limit is read, and one byte more is not', async () => {
    expect(await resultOf(Buffer.alloc(BYTES_MAX))).toHaveLength(BYTES_MAX)
    expect(codeOf(await resultOf(Buffer.alloc(BYTES_MAX + 1)))).toBe('body_too_large')
  })

  test('of unsaid length is capped while it is read', async () => {
    const { results, url } = await reader()
    const pieces = Array.from({ length: 20 }, () => new Uint8Array(1_000))
    const body = new ReadableStream({
      pull: (controller) => {
        const piece = pieces.pop()
        if (piece === undefined) controller.close()
        else controller.enqueue(piece)
      },
    })
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
    await fetch(url, init)
    expect(codeOf(results[0])).toBe('body_too_large')
  })

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('that is small as %s and huge inflated is refused', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(20_000_000))
    expect(
      codeOf(await resultOf(bomb.subarray(0, BYTES_MAX), { 'content-encoding': encoding })),
    ).toBe('body_too_large')
  })

  test.each([
    ['an unknown encoding', text, 'zstd', 'unsupported_media_type'],
    ['a word that every object knows', text, 'constructor', 'unsupported_media_type'],
    ['another such word', text, '__proto__', 'unsupported_media_type'],
    ['two encodings', text, 'gzip, br', 'unsupported_media_type'],
    ['another encoding than it says', text, 'gzip', 'invalid_request'],
    ['half of its gzip', gzipSync(text).subarray(0, 40), 'gzip', 'invalid_request'],
  ])('with %s is refused', async (_what, body, encoding, code) => {
    expect(codeOf(await resultOf(body, { 'content-encoding': encoding }))).toBe(code)
  })

  test.each(['identity', 'gzip'])(
    'whose sender leaves in the middle (%s) ends',
    async (encoding) => {
      const { results, port } = await reader()
      const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\ncontent-encoding: ${encoding}`
      const socket = net.connect(port, '127.0.0.1')
      socket.write(`${head}\r\n\r\n`)
      socket.write(gzipSync(text).subarray(0, 20))
      await pause(50)
      socket.destroy()
      await expect.poll(() => codeOf(results[0])).toBe('invalid_request')
    },
  )
})

describe('the memory of bodies', () => {
  const head = (length: number) => `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`

  test('a body of which nothing comes for ten seconds is given up, one that comes slowly is not', async () => {
    const { intake, pass } = intakeOf()
    const { results, port } = await reader((req) => bodyOf(req, { intake, pass }).read())
    const socket = net.connect(port, '127.0.0.1')
    socket.write(`${head(100)}x`)
    await expect.poll(() => intake.bytes).toBe(1)
    pass(1)
    pass(9_000)
    socket.write('y')
    await expect.poll(() => intake.bytes).toBe(2)
    pass(9_000)
    pass(9_000)
    await pause(20)
    expect(results).toEqual([])
    pass(1_001)
    await expect.poll(() => codeOf(results[0])).toBe('request_timeout')
    socket.destroy()
  })

  test('is bounded for all together, and given back with each', async () => {
    const bodies: IncomingBody[] = []
    const { intake } = intakeOf()
    const { results, url } = await reader((req) => {
      const body = bodyOf(req, { intake, pass: () => undefined })
      bodies.push(body)
      return body.read()
    })
    const send = () => fetch(url, { method: 'POST', body: Buffer.alloc(9_000) })
    for (let count = 0; count < 4; count++) await send()
    expect(results.map(codeOf).slice(3)).toEqual(['overloaded'])
    expect(results.slice(0, 3).every((result) => result instanceof Buffer)).toBe(true)
    for (const body of bodies) body.giveBack()
    expect(intake.bytes).toBe(0)
    await send()
    expect(results[4]).toBeInstanceOf(Buffer)
  })

  test('while the heap is nearly full large bodies are refused and small ones are taken', () => {
    const full = intakeOf({ ...CALM, takesLargeBodies: false })
    full.intake.take(256 * 1024 - 240_000, 256 * 1024)
    expect(() => {
      full.intake.take(1, 256 * 1024 + 1)
    }).toThrow('no room for large bodies')
  })

  test('a body in chunks of a byte takes no more memory than its own', async () => {
    const { results, port } = await reader()
    const socket = net.connect(port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n')
    socket.write(`${'1\r\nx\r\n'.repeat(9_999)}0\r\n\r\n`)
    await expect.poll(() => results[0]).toEqual(Buffer.alloc(9_999, 'x'))
    expect((results[0] as Buffer).buffer.byteLength).toBeLessThan(20_000)
    socket.destroy()
  })
})

describe('a chat request', () => {
  const read: Read = (req) => readChatRequest(req.headers['content-type'], bodyOf(req))
  const body = { model: 'm', messages: [{ role: 'user', content: 'Größe' }] }
  const bytes = Buffer.from(JSON.stringify(body))

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/vnd.api+json',
  ])('as %s is read with its size', async (type) => {
    const result = await resultOf(bytes, { 'content-type': type }, read)
    const size = { ascii: bytes.length - 4, other: 4 }
    expect(result).toMatchObject({ request: { model: 'm', body }, size })
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'multipart/json',
  ])('as %s is refused', async (type) => {
    const result = await resultOf(bytes, { 'content-type': type }, read)
    expect(codeOf(result)).toBe('unsupported_media_type')
  })

  test.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['trailing garbage', `${bytes.toString()}x`],
    ['NaN', '{"model":"m","messages":[{"role":"u"}],"temperature":NaN}'],
    ['a depth that no parser takes', '['.repeat(9_000)],
    ['a list', '[]'],
    ['__proto__', '{"__proto__":{"polluted":1},"model":"m","messages":[{"role":"u"}]}'],
    ['a deep __proto__', '{"model":"m","messages":[{"role":"u","x":{"__proto__" : {}}}]}'],
  ])('that is %s is refused', async (_what, json) => {
    const result = await resultOf(Buffer.from(json), { 'content-type': 'application/json' }, read)
    expect(codeOf(result)).toBe('invalid_request')
  })

  test('may speak of __proto__ in its text', async () => {
    const message = { role: 'user', content: 'What is "__proto__" ?' }
    const asking = Buffer.from(JSON.stringify({ ...body, messages: [message] }))
    const result = await resultOf(asking, { 'content-type': 'application/json' }, read)
    expect(result).toMatchObject({ request: { model: 'm' } })
  })
})
