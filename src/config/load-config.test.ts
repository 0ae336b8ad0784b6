import { assert, expect, test } from 'vitest'
import { costOf } from '../domain/price.ts'
import { textUsage } from '../domain/usage.ts'
import type { Environment, LoadedConfig } from './config.ts'
import { loadConfig } from './load-config.ts'
import { formatProblem } from './problem.ts'

const YAML = `
providers:
  - id: first
    protocol: openai
    base_url: \${FIRST_BASE_URL:-https://first.test/v1/}
    api_keys: \${FIRST_API_KEY}
    timeouts: { idle_ms: 9000 }
    cap_field: max_completion_tokens
    strip_fields: [user]
    headers: { X-Title: Tollgate, X-Org: "\${ORG}" }
  - id: second
    protocol: openai
    base_url: https://second.test/v1
    api_keys: [ "\${SECOND_API_KEY}", "\${THIRD_API_KEY}" ]
  - id: local
    protocol: openai
    base_url: \${LOCAL_BASE_URL}
    keyless: true
  - id: demo
    protocol: demo
models:
  - id: demo
    price: { input: 1, output: 2 }
    deployments: [ { provider: demo, model: demo } ]
  - id: big
    price: { input: 0.1, cached_input: 0.025, output: 1.10 }
    max_output: 2000
    context_tokens: 128000
    service_tiers: { flex: { input: 0.05, output: 0.55 } }
    deployments:
      - { provider: second, model: b/big, priority: 1, price: { input: 3, output: 4 } }
      - { provider: first, model: big, timeouts: { idle_ms: 8000, total_ms: 70000 }, weight: 3 }
      - { provider: local, model: big, priority: 1, repair: true }
    fallbacks: [small, mine]
  - id: small
    price: { input: 0.1, cached_input: 0.025, output: 1.1 }
    deployments: [ { provider: first, model: small } ]
  - id: mine
    price: free
    deployments: [ { provider: local, model: mine } ]
`

type Ok = Extract<LoadedConfig, { ok: true }>
type Given = Readonly<{
  env?: Environment
  yaml?: string
  files?: Readonly<Record<string, string>>
}>

function load({ env = {}, yaml = YAML, files = {} }: Given): LoadedConfig {
  const known = new Map([['config/gateway.yaml', yaml], ...Object.entries(files)])
  const read = (path: string) => {
    const text = known.get(path)
    return text === undefined ? ({ kind: 'missing' } as const) : ({ kind: 'text', text } as const)
  }
  return loadConfig({ env, files: { read } })
}

function loaded(given: Given): Ok {
  const result = load(given)
  assert(result.ok, result.ok ? '' : result.problems.map(formatProblem).join('\n'))
  return result
}

const problemsOf = (given: Given): readonly string[] => {
  const result = load(given)
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path} ${message}`)
}

const modelIds = ({ config }: Ok): readonly string[] => config.models.map(({ id }) => id)
const STRONG = 'kR7vQm2XcJ9pLw4TzB8nYh3DfGs6VuEa0KiOxC5dQyM'

test('with nothing set the demo provider serves the model demo, and everything else is off and named', () => {
  const { config, secrets, notices } = loaded({})
  expect(config.isDemo).toBe(true)
  expect(config.models.map(({ id }) => id)).toEqual(['demo'])
  expect(config.providers.map(({ id, keyCount }) => [id, keyCount])).toEqual([['demo', 0]])
  expect(secrets.providerKeys).toEqual(new Map([['demo', []]]))
  expect(notices.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
    'provider_off first',
    'provider_off second',
    'provider_off local',
    'demo_on demo',
    'model_off big',
    'model_off small',
    'model_off mine',
  ])
  expect(notices[1]?.message).toBe('is off: SECOND_API_KEY, THIRD_API_KEY is not set')
  expect(notices[2]?.message).toBe('is off: LOCAL_BASE_URL is not set')
})

test('a single real key turns the demo off, provider and model', () => {
  const result = loaded({ env: { FIRST_API_KEY: 'k' } })
  expect(result.config.isDemo).toBe(false)
  expect(modelIds(result)).toEqual(['big', 'small'])
  expect(result.notices.filter(({ subject }) => subject === 'demo')).toEqual([
    { kind: 'demo_off', subject: 'demo', message: 'is off: a real provider is on' },
  ])
})

test('a provider without need of a key is on once its address is set', () => {
  const result = loaded({ env: { LOCAL_BASE_URL: 'http://localhost:11434/v1' } })
  expect(result.config.providers.map(({ id, keyCount }) => [id, keyCount])).toEqual([['local', 0]])
  expect(modelIds(result)).toEqual(['big', 'mine'])
  expect(result.config.models[0]?.deployments.map(({ id }) => id)).toEqual(['local/big'])
})

test('an empty variable is an unset one, with its alias and its default', () => {
  const env = { PORT: '', API_GATEWAY_PORT: ' 9000 ', FIRST_API_KEY: '  ', FIRST_BASE_URL: '' }
  const { config } = loaded({ env: { ...env, ADMIN_FIRST: '', LOG_LEVEL: '' } })
  expect([config.port, config.host, config.logLevel, config.isDemo]).toEqual([
    9000,
    '0.0.0.0',
    'info',
    true,
  ])
})

test('what the environment says is taken over', () => {
  const { config, notices } = loaded({
    env: {
      PORT: '0',
      API_GATEWAY_PORT: '1',
      HOST: '127.0.0.1',
      DB_DIR: '/data',
      LOG_DIR: '/log',
      LOG_LEVEL: 'DEBUG',
      JWT_EXPIRATION_HOURS: '2',
      GATEWAY_CONFIG: 'other.yaml',
    },
    files: { 'other.yaml': YAML },
  })
  expect(config).toMatchObject({
    port: 0,
    host: '127.0.0.1',
    dbDir: '/data',
    logDir: '/log',
    logLevel: 'debug',
    jwtExpirationHours: 2,
    file: 'other.yaml',
  })
  expect(notices[0]).toMatchObject({ kind: 'warning', subject: 'API_GATEWAY_PORT' })
})

test('a variable holds several keys: trimmed, each once, one deployment for each, side by side', () => {
  const env = { FIRST_API_KEY: ' a, b ,a,,', SECOND_API_KEY: 'c', THIRD_API_KEY: 'd,c' }
  const { config, secrets } = loaded({ env })
  expect(secrets.providerKeys.get('first')).toEqual(['a', 'b'])
  expect(secrets.providerKeys.get('second')).toEqual(['c', 'd'])
  expect(config.models[0]?.deployments.map(({ id, keyIndex }) => [id, keyIndex])).toEqual([
    ['first/big', 0],
    ['first/big#2', 1],
    ['second/b/big', 0],
    ['second/b/big#2', 1],
  ])
  const prints = config.models[0]?.deployments.map(({ keyPrint = '' }) => keyPrint) ?? []
  expect(new Set(prints).size).toBe(4)
  for (const print of prints) expect(print).toMatch(/^[0-9a-f]{8}$/)
  expect(config.providers.map(({ id, keyCount }) => [id, keyCount])).toEqual([
    ['first', 2],
    ['second', 2],
  ])
})

test('what a provider bends, all its deployments do, unless one of them says otherwise', () => {
  const yaml = YAML.replace('    keyless: true\n', '    keyless: true\n    repair: true\n').replace(
    'priority: 1, repair: true',
    'priority: 1, repair: false',
  )
  const { config } = loaded({ env: { LOCAL_BASE_URL: 'http://l/v1' }, yaml })
  const repairs = config.models.map(({ id, deployments }) => [id, deployments[0]?.repair])
  expect(Object.fromEntries(repairs)).toEqual({ big: false, mine: true })
})

test('a deployment carries what its adapter and the router need', () => {
  const { config } = loaded({ env: { FIRST_API_KEY: 'k', LOCAL_BASE_URL: 'http://l/v1' } })
  const [first, local] = config.models[0]?.deployments ?? []
  expect(first).toMatchObject({
    provider: 'first',
    address: 'first.test',
    upstreamModel: 'big',
    priority: 0,
    weight: 3,
    timeouts: { connectMs: 5000, firstByteMs: 60000, idleMs: 8000, totalMs: 70000, wholeMs: 70000 },
    repair: false,
    capField: 'max_completion_tokens',
    stripFields: ['user'],
  })
  expect(local).toMatchObject({ provider: 'local', repair: true, capField: 'max_tokens' })
  expect(config.providers[0]).toEqual({
    id: 'first',
    protocol: 'openai',
    baseUrl: 'https://first.test/v1',
    timeouts: {
      connectMs: 5000,
      firstByteMs: 60000,
      idleMs: 9000,
      totalMs: 600000,
      wholeMs: 300000,
    },
    headers: { 'x-title': 'Tollgate' },
    keyCount: 1,
  })
})

test('prices are exact: a tenth of a dollar is a tenth', () => {
  const { config } = loaded({ env: { FIRST_API_KEY: 'k', SECOND_API_KEY: 'k' } })
  const [big, small] = config.models
  assert(big !== undefined && small !== undefined)
  // 3 tokens at 0.1 dollars a million are 0.0000003 dollars; 200000 credits a dollar make that 0.06 credits.
  expect(costOf(textUsage(3, 0), big.price)).toBe(60_000n)
  expect(costOf(textUsage(1_000_000, 0), big.price)).toBe(20_000_000_000n)
  expect(big.deployments[1]?.price.rates.input).not.toBe(big.price.rates.input)
  const flex = big.serviceTiers['flex']
  assert(flex !== undefined)
  expect(costOf(textUsage(1, 0), flex)).toBe(10_000n)
})

test('a price has the same version however it is written, and another when anything of it changes', () => {
  const versionsWith = (accounting: string): readonly string[] => {
    const { config } = loaded({ env: { FIRST_API_KEY: 'k' }, yaml: `${accounting}${YAML}` })
    return config.models.map(({ price }) => price.version)
  }
  const [big, small] = versionsWith('')
  expect(big).toMatch(/^p_[0-9a-f]{12}$/)
  expect(small).toBe(big)
  expect(versionsWith('accounting: { credits_per_usd: 200000.0, markup: 0.00 }')[0]).toBe(big)
  expect(versionsWith('accounting: { markup: 0.2 }')[0]).not.toBe(big)
  expect(versionsWith('accounting: { credits_per_usd: 200001 }')[0]).not.toBe(big)
})

test('free costs nothing', () => {
  const { config } = loaded({ env: { LOCAL_BASE_URL: 'http://l/v1' } })
  const mine = config.models.find(({ id }) => id === 'mine')
  assert(mine !== undefined)
  expect(costOf(textUsage(1_000_000, 1_000_000), mine.price)).toBe(0n)
})

test('output is capped by what the model, the context and the accounting say', () => {
  const { config } = loaded({ env: { FIRST_API_KEY: 'k', LOCAL_BASE_URL: 'http://l/v1' } })
  const caps = config.models.map(({ id, maxOutput, defaultMaxOutput }) => [
    id,
    maxOutput,
    defaultMaxOutput,
  ])
  expect(caps).toEqual([
    ['big', 2000, 2000],
    ['small', 4096, 4096],
    ['mine', 4096, 4096],
  ])
})

test('a model falls back only to models that are on', () => {
  const { config } = loaded({ env: { FIRST_API_KEY: 'k' } })
  expect(config.models[0]?.fallbacks).toEqual(['small'])
})

test('sections that are left out have the documented defaults', () => {
  const { config } = loaded({})
  expect(config.accounting).toEqual({
    creditsPerUsd: '200000',
    markup: '0',
    defaultMaxOutput: 4096,
  })
  expect(config.tiers.get('premium')).toEqual({ limits: { requestsPerMinute: 1000 }, weight: 1 })
  expect(config.outcomes).toEqual({
    cut: 'operator',
    abortedEarly: 'input',
    aborted: 'cancel',
    empty: 'free',
    killed: 'progress',
  })
  expect(config.streams).toEqual({
    isKeepAliveOn: true,
    keepAliveMs: 15000,
    keepAliveDelayMs: 5000,
    idleReaderMs: 30000,
  })
  expect(config.limits).toEqual({
    bodyBytesMax: 33554432,
    inFlightMax: 5000,
    limiterFailure: 'allow',
    keyInFlightMax: 100,
    accountInFlightMax: 200,
    connectionsMax: 12000,
    attemptsMax: 3,
  })
  expect(config.quotaStatus).toBe(402)
})

test('secrets may stand in files, as containers have them', () => {
  const files = { '/run/admin': `${STRONG}\n`, '/run/keys': 'a\nb, c\n' }
  const env = { ADMIN_FIRST_FILE: '/run/admin', FIRST_API_KEY_FILE: '/run/keys' }
  const { secrets } = loaded({ env, files })
  expect(secrets.adminFirst).toBe(STRONG)
  expect(secrets.providerKeys.get('first')).toEqual(['a', 'b', 'c'])
})

test('a secret that stands in two places, or in a file that is not there, is a problem', () => {
  const files = { '/run/empty': '\n' }
  const env = { ADMIN_FIRST: STRONG, ADMIN_FIRST_FILE: '/x', FIRST_API_KEY_FILE: '/y' }
  expect(problemsOf({ env: { ...env, JWT_SECRET_KEY_FILE: '/run/empty' }, files })).toEqual([
    'ADMIN_FIRST_FILE is set, and so is the variable itself',
    'JWT_SECRET_KEY_FILE names an empty file',
    'FIRST_API_KEY_FILE names a file that does not exist',
  ])
})

test('wrong settings are told together', () => {
  const env = { PORT: '99999', LOG_LEVEL: 'loud', JWT_EXPIRATION_HOURS: '1.5', ADMIN_FIRST: 'weak' }
  expect(problemsOf({ env: { ...env, JWT_SECRET_KEY: 'your-secret-key-here' } })).toEqual([
    'PORT is not a whole number from 0 to 65535',
    'LOG_LEVEL is none of error, warn, info, debug',
    'JWT_EXPIRATION_HOURS is not a whole number from 1 to 8760',
    'ADMIN_FIRST has 4 characters, and needs 32',
    'JWT_SECRET_KEY looks like a sample from a document',
  ])
})

test('a key copied from a document leaves its provider off', () => {
  const { notices, config } = loaded({ env: { FIRST_API_KEY: 'sk-your-actual-openai-key-here' } })
  expect(config.isDemo).toBe(true)
  expect(notices[0]?.message).toBe('is off: its key is a sample from a document; set the real one')
})

test('no secret is in the Config, in a notice or in a problem', () => {
  const env = {
    FIRST_API_KEY: 'canary-1',
    SECOND_API_KEY: 'canary-2',
    ADMIN_FIRST: STRONG,
    JWT_SECRET_KEY: STRONG,
  }
  const { config, notices } = loaded({ env })
  const shown = JSON.stringify([config, notices], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value instanceof Map ? [...value] : value,
  )
  expect(shown).not.toMatch(/canary/)
  expect(shown).not.toContain(STRONG)
  const bad = load({ env: { FIRST_API_KEY: 'canary 1', ADMIN_FIRST: 'canary', PORT: 'canary' } })
  expect(bad.ok).toBe(false)
  expect(JSON.stringify(bad)).not.toMatch(/canary/)
})

test('what is on and does nothing is worth a warning', () => {
  const yaml = YAML.replace(
    'models:',
    '  - { id: idle, protocol: openai, base_url: "http://i/v1", keyless: true }\nmodels:',
  )
  const { notices, config } = loaded({ yaml })
  expect(config.isDemo).toBe(false)
  expect(
    notices
      .filter(({ kind }) => kind === 'warning')
      .map(({ subject, message }) => `${subject} ${message}`),
  ).toEqual([
    'provider idle is on, and no model uses it',
    'models are all off: every request is refused',
  ])
})

test('a missing file is named, with what to do', () => {
  const result = load({ env: { GATEWAY_CONFIG: 'nowhere.yaml' } })
  expect(result).toMatchObject({
    ok: false,
    problems: [{ file: 'nowhere.yaml', message: 'does not exist' }],
  })
})
