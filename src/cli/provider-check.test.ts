import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'

const GOOD = 'sk-good-8fK2mQ7xW4bT8zR1'
const BAD = 'sk-bad-3nY6pL5sD0gHvC9e'
const CONFIG = `
providers:
  - { id: openai, protocol: openai, base_url: https://api.openai.com/v1, api_keys: "${GOOD},${BAD}" }
  - { id: deepseek, protocol: openai, base_url: https://api.deepseek.com, api_keys: "\${DEEPSEEK_KEY}" }
  - { id: local, protocol: openai, base_url: "\${LOCAL_URL}", keyless: true }
  - { id: demo, protocol: demo }
models:
  - id: big
    price: { input: 1, output: 2 }
    deployments:
      - { provider: openai, model: gpt-big }
      - { provider: deepseek, model: deepseek-chat }
  - id: old
    price: { input: 1, output: 2 }
    deployments: [{ provider: openai, model: gpt-old }]
  - id: demo
    price: free
    deployments: [{ provider: demo, model: demo }]
`

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-check-'))
const file = path.join(dir, 'gateway.yaml')

beforeAll(() => {
  nock.disableNetConnect()
  nock.enableNetConnect('127.0.0.1')
})
afterEach(() => {
  nock.cleanAll()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})
afterAll(() => {
  nock.enableNetConnect()
  nock.restore()
  fs.rmSync(dir, { recursive: true })
})

type Run = Readonly<{ code: unknown; stdout: string; stderr: string }>

/** The command itself, in this process: nock hears nobody else's calls. */
async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  for (const [name, value] of Object.entries({ GATEWAY_CONFIG: file, ...env })) {
    vi.stubEnv(name, value)
  }
  const out: string[] = []
  const err: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0)
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0)
  const { argv } = process
  process.argv = ['node', 'provider-check.js', ...args]
  vi.resetModules()
  await import('./provider-check.ts')
  process.argv = argv
  const code = process.exitCode
  process.exitCode = undefined
  vi.restoreAllMocks()
  return { code, stdout: out.join(''), stderr: err.join('') }
}

const listOf = (...ids: string[]) => ({ object: 'list', data: ids.map((id) => ({ id })) })

function openaiKnows(key: string, ...ids: string[]): void {
  nock('https://api.openai.com', { reqheaders: { authorization: `Bearer ${key}` } })
    .get('/v1/models')
    .reply(200, listOf(...ids))
}

function openaiRefuses(key: string): void {
  nock('https://api.openai.com', { reqheaders: { authorization: `Bearer ${key}` } })
    .get('/v1/models')
    .reply(401, {
      error: { message: `Incorrect API key provided: ${key}.`, code: 'invalid_api_key' },
    })
}

describe('the page', () => {
  test('names a key that the provider refuses by its number, and never shows it', async () => {
    fs.writeFileSync(file, CONFIG)
    openaiKnows(GOOD, 'gpt-big', 'gpt-old')
    openaiRefuses(BAD)
    const { code, stdout, stderr } = await run([])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^openai {2}key 1 {3}ok {6}2 models, \d+ ms$/m)
    expect(stdout).toMatch(/^openai {2}key 2 {3}FAILED {2}refuses this key \(401\)$/m)
    expect(stdout).toContain('fix: copy the key again')
    expect(stdout).toContain('1 ok, 1 failed.')
    for (const secret of [GOOD, BAD]) expect(stdout + stderr).not.toContain(secret.slice(3, 12))
  })

  test('warns of configured models that a provider does not list, which is no failure', async () => {
    fs.writeFileSync(file, CONFIG)
    openaiKnows(GOOD, 'models/gpt-big')
    openaiKnows(BAD, 'gpt-big', 'gpt-old:latest')
    const { code, stdout } = await run([])
    expect(code).toBe(0)
    expect(stdout).toContain('warning: does not list gpt-old (some lists are not complete)')
    expect(stdout).toContain('2 ok (1 with a warning), 0 failed.')
  })

  test('tells what the network said, and what to look at', async () => {
    fs.writeFileSync(file, CONFIG.replace(`,${BAD}`, ''))
    const unknown = Object.assign(new Error('no such host'), { code: 'ENOTFOUND' })
    nock('https://api.openai.com').get('/v1/models').replyWithError(unknown)
    const { code, stdout } = await run([])
    expect(code).toBe(1)
    expect(stdout).toContain('FAILED  has a host name that nobody knows (ENOTFOUND)')
    expect(stdout).toContain('fix: check the spelling of base_url')
  })

  test('says that the demo provider is built in', async () => {
    fs.writeFileSync(file, CONFIG.replace(`${GOOD},${BAD}`, ''))
    const { code, stdout } = await run([])
    expect({ code, demo: /^demo {2}- {7}ok {6}built in/m.test(stdout) }).toEqual({
      code: 0,
      demo: true,
    })
  })
})

describe('--json', () => {
  test('is an array with an entry a key', async () => {
    fs.writeFileSync(file, CONFIG)
    openaiKnows(GOOD, 'gpt-big')
    openaiRefuses(BAD)
    nock('https://api.deepseek.com')
      .get('/models')
      .reply(402, { error: { message: 'No balance' } })
    nock('http://127.0.0.1:11434', { badheaders: ['authorization'] })
      .get('/v1/models')
      .reply(200, listOf('llama'))
    const env = { DEEPSEEK_KEY: 'ds-key', LOCAL_URL: 'http://127.0.0.1:11434/v1' }
    const { stdout } = await run(['--json'], env)
    const entry = { ms: expect.any(Number) as number }
    expect(JSON.parse(stdout)).toMatchObject([
      { ...entry, provider: 'openai', key: 1, outcome: 'ok', models: 1, unlisted: ['gpt-old'] },
      { ...entry, provider: 'openai', key: 2, outcome: 'failed', reason: 'bad_key', status: 401 },
      {
        ...entry,
        provider: 'deepseek',
        key: 1,
        outcome: 'failed',
        reason: 'no_money',
        status: 402,
      },
      { ...entry, provider: 'local', key: null, outcome: 'ok', models: 1, unlisted: [] },
    ])
  })
})

describe('--provider', () => {
  test('asks that one alone', async () => {
    fs.writeFileSync(file, CONFIG)
    nock('https://api.deepseek.com').get('/models').reply(200, listOf('deepseek-chat'))
    const args = ['--provider', 'deepseek', '--json']
    const { code, stdout } = await run(args, { DEEPSEEK_KEY: 'ds-key' })
    expect({ code, checks: JSON.parse(stdout) as unknown }).toMatchObject({
      code: 0,
      checks: [{ provider: 'deepseek', outcome: 'ok' }],
    })
  })

  test.each([
    ['deepseek', 'The provider deepseek is off: DEEPSEEK_KEY is not set.'],
    ['nobody', 'No provider nobody is on. These are: openai.'],
  ])('that is not on is refused with a reason (%s)', async (provider, reason) => {
    fs.writeFileSync(file, CONFIG)
    const { code, stderr } = await run(['--provider', provider])
    expect({ code, isTold: stderr.includes(reason) }).toEqual({ code: 1, isTold: true })
  })
})

test('an invalid configuration ends with 78 and every problem', async () => {
  fs.writeFileSync(file, 'providers: 7\nwhat: ever\n')
  const { code, stderr } = await run([])
  expect(code).toBe(78)
  expect(stderr).toMatch(/providers: is not a list[^]*what: is not a known key/)
})

test.each(['0', '-1', 'soon', '601'])('--timeout=%s is refused', async (seconds) => {
  fs.writeFileSync(file, CONFIG)
  const { code, stderr } = await run([`--timeout=${seconds}`])
  expect({ code, isTold: stderr.includes('--timeout') }).toEqual({ code: 1, isTold: true })
})
