import http from 'node:http'
import type { AddressInfo } from 'node:net'
import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { rangesOf } from './open-internet.ts'
import { postOnce, refusedPlace, type Egress } from './post-once.ts'

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'metadata.google.internal': ['169.254.169.254'],
  'half.example': ['93.184.216.34', '10.0.0.7'],
  'inside.example': ['fd00::7'],
  'good.example': ['93.184.216.34'],
}
const egress = (allowed: readonly string[] = []): Egress => ({
  resolve: (host) => Promise.resolve(NAMES[host] ?? []),
  allowed: () => rangesOf(allowed),
})

const CLOSED = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.255.255.254',
    '0.0.0.0',
    '0',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
  ],
  ...['0x7f000001', '017700000001', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255'],
  ...['192.168.0.1', '169.254.169.254', '169.254.0.1', '100.64.0.1', '100.127.255.255'],
  ...['192.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1'],
  ...['239.255.255.255', '240.0.0.1', '255.255.255.255', '[::]', '[::1]', '[::ffff:127.0.0.1]'],
  ...['[::ffff:10.0.0.1]', '[::7f00:1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '[2001::1]'],
  ...['[2001:db8::1]', '[fc00::1]', '[fd12:3456::1]', '[fe80::1]', '[fec0::1]', '[ff02::1]'],
  ...['metadata.google.internal', 'half.example', 'inside.example', 'unknown.example', 'localhost'],
]

describe('nothing is sent', () => {
  test.each(CLOSED)('to %s', async (host) => {
    expect(await refusedPlace(egress(), `https://${host}/`)).toHaveProperty('reason')
  })

  test.each([
    'file:///etc/passwd',
    'gopher://good.example/',
    'unix:/run/x',
    'http://good.example/',
    'nonsense',
    'https://me:pw@good.example/',
  ])('to %s', async (url) => {
    expect(await refusedPlace(egress(), url)).toHaveProperty('reason')
  })

  test('to a neighbour, unless the operator allows its network', async () => {
    const url = 'http://10.1.2.3:8080/hook'
    expect(await refusedPlace(egress(['10.0.0.0/8']), url)).toEqual({ address: '10.1.2.3' })
    expect(await refusedPlace(egress(['10.1.2.4']), url)).toHaveProperty('reason')
    expect(await refusedPlace(egress(), 'https://good.example/')).toEqual({
      address: '93.184.216.34',
    })
  })
})

describe('what is sent', () => {
  let heard: string[] = []
  const server = http.createServer((req, res) => {
    heard.push(`${req.headers.host ?? ''} ${req.url ?? ''}`)
    if (req.url === '/away') res.writeHead(302, { location: '/there' })
    res.end()
  })
  let port = 0
  beforeAll(async () => {
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => server.close())
  afterEach(() => {
    heard = []
    nock.cleanAll()
  })
  const posting = (url: string) => ({ url, body: '{}', headers: {}, timeoutMs: 2_000 })

  test('goes to the address that was looked at, whatever the name says a moment later', async () => {
    let looked = 0
    const rebinding: Egress = {
      resolve: () => Promise.resolve([++looked === 1 ? '127.0.0.1' : '10.9.9.9']),
      allowed: () => rangesOf(['127.0.0.0/8']),
    }
    const posted = await postOnce(rebinding, posting(`http://rebound.example:${port}/hook`))
    expect([posted, looked]).toEqual([{ ok: true }, 1])
    expect(heard).toEqual([`rebound.example:${port} /hook`])
  })

  test('does not follow a redirect', async () => {
    const local = egress(['127.0.0.1'])
    const posted = await postOnce(local, posting(`http://127.0.0.1:${port}/away`))
    expect(posted).toEqual({ ok: false, reason: 'it answered 302' })
    expect(heard).toHaveLength(1)
  })

  test('reaches a receiver of a name on the open internet', async () => {
    nock('https://good.example').post('/hook', '{}').reply(204)
    expect(await postOnce(egress(), posting('https://good.example/hook'))).toEqual({ ok: true })
    nock('https://good.example').post('/hook').reply(500)
    expect(await postOnce(egress(), posting('https://good.example/hook'))).toMatchObject({
      ok: false,
    })
  })
})
