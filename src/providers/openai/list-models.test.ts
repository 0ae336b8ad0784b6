import http from 'node:http'
import type { AddressInfo } from 'node:net'
import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { listModels, type Listing } from './list-models.ts'

const KEY = 'sk-proj-Zq81LmT4vXw9RbN2'
const PATIENT_MS = 5_000

beforeAll(() => {
  nock.disableNetConnect()
  nock.enableNetConnect('127.0.0.1')
})
afterEach(() => {
  nock.cleanAll()
})
afterAll(() => {
  nock.enableNetConnect()
  nock.restore()
})

const ask = (more: Partial<Parameters<typeof listModels>[0]> = {}): Promise<Listing> =>
  listModels({
    ...{ baseUrl: 'https://api.openai.com/v1', apiKey: KEY, headers: {}, timeoutMs: PATIENT_MS },
    ...more,
  })

const openai = () => nock('https://api.openai.com').get('/v1/models')
const error = (message: string, code: string | null = null) => ({ error: { message, code } })

describe('a list', () => {
  test.each([
    ['as OpenAI sends it', { object: 'list', data: [{ id: 'a', object: 'model' }, { id: 'b' }] }],
    ['as Together sends it', [{ id: 'a' }, { id: 'b', type: 'chat' }]],
  ])('%s gives its names', async (_what, body) => {
    openai().reply(200, body)
    expect(await ask()).toEqual({ kind: 'listed', models: ['a', 'b'] })
  })

  test('of a server without models is empty', async () => {
    openai().reply(200, { object: 'list', data: null })
    expect(await ask()).toEqual({ kind: 'listed', models: [] })
  })

  test('is asked for with the key, the configured headers, and nothing of the environment', async () => {
    process.env['OPENAI_ORG_ID'] = 'org-somebody'
    const request = nock('https://api.openai.com', {
      reqheaders: { authorization: `Bearer ${KEY}`, 'x-title': 'Tollgate' },
      badheaders: ['openai-organization', 'openai-project'],
    })
    request.get('/v1/models').reply(200, { data: [] })
    expect(await ask({ headers: { 'x-title': 'Tollgate' } })).toMatchObject({ kind: 'listed' })
    delete process.env['OPENAI_ORG_ID']
  })

  test('of a server without keys is asked for without any', async () => {
    nock('https://api.openai.com', { badheaders: ['authorization'] })
      .get('/v1/models')
      .reply(200, { data: [] })
    expect(await ask({ apiKey: undefined })).toMatchObject({ kind: 'listed' })
  })
})

describe('what is wrong', () => {
  test.each([
    [401, error('Incorrect API key'), 'bad_key'],
    [402, error('Insufficient Balance'), 'no_money'],
    [429, error('You exceeded your quota', 'insufficient_quota'), 'no_money'],
    [429, error('Slow down', 'rate_limit_exceeded'), 'rate_limited'],
    [403, error('Missing scopes: api.model.read'), 'no_rights'],
    [404, '<html>not here</html>', 'misrouted'],
    [400, error('API key not valid'), 'refused'],
    [503, error('overloaded'), 'server'],
  ])('is told from the answer: %i %j is %s', async (status, body, reason) => {
    openai().reply(status, body)
    expect(await ask()).toMatchObject({ kind: 'failed', reason, status })
  })

  test.each([
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['ECONNREFUSED', 'unreachable'],
    ['ECONNRESET', 'unreachable'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ])('is told from the network: %s is %s', async (code, reason) => {
    openai().replyWithError(Object.assign(new Error(`failed with ${KEY}`), { code }))
    expect(await ask()).toMatchObject({ kind: 'failed', reason, status: undefined })
  })

  test.each(['<!doctype html><title>Welcome</title>', '{"data":"soon"}', '{"models":[]}', ''])(
    'is an answer that is no list: %s',
    async (body) => {
      openai().reply(200, body)
      expect(await ask()).toMatchObject({ kind: 'failed', reason: 'no_list', status: 200 })
    },
  )

  test('is a redirect, which the key does not follow', async () => {
    openai().reply(302, '', { location: 'https://api.deepseek.com/v1/models' })
    const elsewhere = nock('https://api.deepseek.com').get('/v1/models').reply(200, { data: [] })
    expect(await ask()).toMatchObject({ kind: 'failed', reason: 'misrouted', status: 302 })
    expect(elsewhere.isDone()).toBe(false)
  })

  test('is one request: nothing is retried', async () => {
    openai().reply(500, error('once'))
    openai().reply(200, { data: [] })
    expect(await ask()).toMatchObject({ kind: 'failed', reason: 'server' })
  })
})

describe('a server that is not there', () => {
  test.each([
    ['before its head', () => undefined],
    [
      'in the middle of its list',
      (res: http.ServerResponse) => {
        res.writeHead(200, { 'content-type': 'application/json' }).write('{"data":[')
      },
    ],
  ])('any more %s is a timeout', async (_what, begin) => {
    const server = http.createServer((_req, res) => begin(res))
    const baseUrl = await addressOf(server)
    expect(await ask({ baseUrl, timeoutMs: 150 })).toMatchObject({ reason: 'timeout' })
    server.closeAllConnections()
    server.close()
  })

  test('at all is not reachable', async () => {
    const server = http.createServer()
    const baseUrl = await addressOf(server)
    await new Promise((resolve) => server.close(resolve))
    expect(await ask({ baseUrl })).toMatchObject({ reason: 'unreachable', detail: 'ECONNREFUSED' })
  })

  test('at a port that fetch refuses is not reachable', async () => {
    const baseUrl = 'http://127.0.0.1:1/v1'
    expect(await ask({ baseUrl })).toMatchObject({ reason: 'unreachable', detail: 'bad port' })
  })

  test('but speaks plainly where TLS is asked for comes to no safe connection', async () => {
    const server = http.createServer()
    const baseUrl = (await addressOf(server)).replace('http:', 'https:')
    expect(await ask({ baseUrl })).toMatchObject({ reason: 'tls' })
    server.close()
  })
})

describe('what is shown', () => {
  test.each([
    `Incorrect API key provided: ${KEY}.`,
    `Incorrect API key provided: ${KEY.slice(0, 11)}.`,
    `Incorrect API key provided: sk-proj-****${KEY.slice(-4)}. See the page.`,
    `{"key":"${KEY.slice(4)}"}`,
    `bearer ${KEY.toUpperCase()}`,
    `tail ${KEY.slice(-7)}`,
  ])('never has anything of the key: %s', async (message) => {
    openai().reply(401, error(message))
    const text = JSON.stringify(await ask()).toLowerCase()
    for (let at = 8; at + 4 <= KEY.length; at++) {
      expect(text).not.toContain(KEY.slice(at, at + 4).toLowerCase())
    }
    expect(text).toContain('[redacted]')
  })

  test('has nothing of the configured headers, which may hold a secret too', async () => {
    openai().reply(400, error('No such team: team-9921-secret'))
    const listing = await ask({ headers: { 'x-team': 'team-9921-secret' } })
    expect(listing).toMatchObject({ detail: '400 No such team: [redacted]' })
  })

  test('is one short line without control characters', async () => {
    openai().reply(500, error(`a\u001b[31m b\n\nc ${'long '.repeat(1_000)}`))
    const listing = await ask()
    expect(listing).toMatchObject({ detail: expect.stringMatching(/^500 a \[31m b c /) as string })
    expect(listing.kind === 'failed' && listing.detail.length).toBe(200)
  })
})

async function addressOf(server: http.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}
