import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { RunningCall } from '../../ports/provider.ts'
import { Heard, providerAt, STREAM, upstream } from './fixtures/loopback.ts'

describe('a request', () => {
  test('goes to the address with the deployment’s key, and nothing of the caller’s', async () => {
    const seen: unknown[] = []
    const provider = await upstream((req, res, body) => {
      const { authorization, 'x-title': title, cookie } = req.headers
      seen.push(req.method, req.url, authorization, title, cookie, JSON.parse(body))
      res.end('{"choices":[{"message":{"content":"Hi"}}]}')
    })
    await new Heard(provider, { max_tokens: 500 }).over
    const body = { model: 'up', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9 }
    const path = '/api/v1/chat/completions'
    expect(seen).toEqual(['POST', path, 'Bearer second', 'T', undefined, body])
  })

  test('goes by the key that it was meant for, whatever number that has by now, and by no other', async () => {
    const seen: unknown[] = []
    const provider = await upstream((req, res) => {
      seen.push(req.headers.authorization)
      res.end('{"choices":[{"message":{"content":"Hi"}}]}')
    })
    await new Heard(provider, {}, { keyIndex: 0, keyPrint: 's' }).over
    await new Heard(provider, {}, { keyIndex: 2, keyPrint: 'f' }).over
    const gone = new Heard(provider, {}, { keyIndex: 0, keyPrint: 'gone' })
    expect(await gone.over).toMatchObject({ fault: { kind: 'misrouted' } })
    expect([seen, gone.told]).toEqual([['Bearer second', 'Bearer first'], { accepted: 0, ends: 1 }])
  })

  test('to nobody is a connection that failed', async () => {
    const heard = new Heard(providerAt('http://127.0.0.1:1/v1'), STREAM)
    expect(await heard.over).toMatchObject({ kind: 'fault', fault: { kind: 'connect' } })
    expect(heard.told).toEqual({ accepted: 0, ends: 1 })
  })

  test('that is redirected is not followed', async () => {
    const paths: (string | undefined)[] = []
    const provider = await upstream((req, res) => {
      paths.push(req.url)
      res.writeHead(302, { location: '/elsewhere' }).end()
    })
    const end = await new Heard(provider, STREAM).over
    expect(end).toMatchObject({ fault: { kind: 'misrouted', status: 302 } })
    expect(paths).toHaveLength(1)
  })
})

describe.each([
  ['a stream', STREAM],
  ['a whole answer', {}],
])('%s', (_what, fields) => {
  test.each([
    [429, 'rate_limited'],
    [401, 'credential'],
    [503, 'server'],
    [404, 'misrouted'],
  ] as const)('refused with %i is told once', async (status, kind) => {
    const provider = await upstream((_req, res) => {
      res.writeHead(status, { 'retry-after': '3' }).end('{"error":{"message":"no"}}')
    })
    const heard = new Heard(provider, fields)
    const fault = { kind, status, retryAfterMs: 3_000 }
    expect(await heard.over).toMatchObject({ kind: 'fault', fault })
    expect(heard.told).toEqual({ accepted: 1, ends: 1 })
  })

  test('that never comes ends with its cancel: the upstream loses its caller within a second', async () => {
    let closed: (value: string) => void = () => undefined
    const wasClosed = new Promise((resolve) => (closed = resolve))
    const calls: RunningCall[] = []
    const provider = await upstream((req) => {
      req.socket.once('close', () => closed('closed'))
      for (const call of calls) call.cancel()
    })
    const heard = new Heard(provider, fields)
    calls.push(heard.call)
    expect(await Promise.race([wasClosed, pause(1_000)])).toBe('closed')
    await pause(20)
    expect(heard.told).toEqual({ accepted: 1, ends: 0 })
  })

  test('cancelled before it went out never goes out', async () => {
    let requests = 0
    const provider = await upstream((_req, res) => {
      requests++
      res.end()
    })
    const heard = new Heard(provider, fields)
    heard.call.cancel()
    await pause(50)
    expect({ requests, ...heard.told }).toEqual({ requests: 0, accepted: 0, ends: 0 })
  })
})
