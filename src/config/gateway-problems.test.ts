import { assert, expect, test } from 'vitest'
import type { Environment } from './config.ts'
import { loadConfig } from './load-config.ts'
import { formatProblem } from './problem.ts'

function problemsOf(yaml: string, env: Environment = {}): readonly string[] {
  const read = () => ({ kind: 'text', text: yaml }) as const
  const result = loadConfig({ env, files: { read } })
  return result.ok ? [] : result.problems.map(formatProblem)
}

const PROVIDERS = `providers:
  - { id: p, protocol: openai, base_url: "https://p.test/v1", api_keys: "\${P_API_KEY}" }
`
const MODELS = `models:
  - id: m
    price: { input: 1, output: 2 }
    deployments: [ { provider: p, model: m } ]
`
/** A model with one line more. */
const modelWith = (line: string): string => `${PROVIDERS}${MODELS}    ${line}\n`
/** A provider with one line more. */
const providerWith = (line: string): string =>
  `providers:\n  - id: p\n    protocol: openai\n    ${line}\n${MODELS}`

test('the smallest file is a good one', () => {
  expect(problemsOf(PROVIDERS + MODELS)).toEqual([])
})

test('everything that is wrong is told at once, each with its line and a fix', () => {
  const yaml = `accounting: { credits_per_usd: 0, markup: -0.1 }
tiers:
  gold: { requests_per_minute: -1 }
providers:
  - id: openai
    protocol: anthropic
    base_url: https://user:canary@api.test/v1
    api_key: \${OPENAI_API_KEY}
  - id: openai
    protocol: openai
    base_url: ftp://files.test
    api_keys: \${OPENAI_API_KEY}
    timeouts: { idle_ms: 0, idel_ms: 5 }
models:
  - id: gpt-4o
    deployments:
      - { provider: opanai, model: gpt-4o }
    fallbacks: [gpt-4o-mni]
  - id: gpt-4o-mini
    price: { input: 0.1234567891, output: 1e3 }
    deployments: []
`
  expect(problemsOf(yaml, { PORT: 'http' })).toEqual([
    'environment: PORT: is not a whole number from 0 to 65535; fix: correct it, or leave it empty for 8088',
    'config/gateway.yaml:1: accounting.credits_per_usd: is not a decimal above 0 with at most 6 places; fix: write how many credits a US dollar buys, such as 200000',
    'config/gateway.yaml:1: accounting.markup: is not a decimal from 0 to 100 with at most 6 places; fix: write it like 2.5, without a sign, an exponent or a currency',
    'config/gateway.yaml:2: tiers: lacks the tier free; fix: add free: new accounts get it',
    'config/gateway.yaml:3: tiers.gold.requests_per_minute: is not a whole number from 0 (unlimited) to 1000000000000; fix: write plain digits within that range',
    'config/gateway.yaml:5: providers[0].api_keys: is missing; fix: write ${NAME_API_KEY}, or keyless: true for a server that needs none',
    'config/gateway.yaml:6: providers[0].protocol: anthropic is a known protocol, but this version has no adapter for it yet; fix: write openai (which most providers speak) or demo',
    'config/gateway.yaml:7: providers[0].base_url: is not an http or https address without credentials, query and fragment; fix: write it like https://api.openai.com/v1, and keys into api_keys',
    'config/gateway.yaml:8: providers[0].api_key: puts the secret OPENAI_API_KEY where it can be seen; fix: use secrets in api_keys only; everything else here may be shown',
    'config/gateway.yaml:8: providers[0].api_key: is not a known key; fix: did you mean api_keys?',
    'config/gateway.yaml:9: providers[1].id: is openai again; fix: give each its own id',
    'config/gateway.yaml:11: providers[1].base_url: is not an http or https address without credentials, query and fragment; fix: write it like https://api.openai.com/v1, and keys into api_keys',
    'config/gateway.yaml:13: providers[1].timeouts.idle_ms: is not a whole number from 1 to 1800000; fix: write plain digits within that range',
    'config/gateway.yaml:13: providers[1].timeouts.idel_ms: is not a known key; fix: did you mean idle_ms?',
    'config/gateway.yaml:15: models[0].price: is missing; fix: write price: { input: 2.5, output: 10 } in US dollars per million tokens, or price: free',
    'config/gateway.yaml:17: models[0].deployments[0].provider: is opanai, which is no provider; fix: did you mean openai?',
    'config/gateway.yaml:18: models[0].fallbacks[0]: is gpt-4o-mni, which is no model; fix: did you mean gpt-4o-mini?',
    'config/gateway.yaml:20: models[1].price.input: is not a decimal from 0 to 100000 with at most 9 places; fix: write it like 2.5, without a sign, an exponent or a currency',
    'config/gateway.yaml:20: models[1].price.output: is not a decimal from 0 to 100000 with at most 9 places; fix: write it like 2.5, without a sign, an exponent or a currency',
    'config/gateway.yaml:21: models[1].deployments: is empty; fix: give it at least one entry',
  ])
})

const ONE_PROBLEM: readonly (readonly [string, string, string])[] = [
  [
    'an unknown section',
    `${PROVIDERS}${MODELS}limit: {}\n`,
    '7: limit: is not a known key; fix: did you mean limits?',
  ],
  [
    'a key nobody meant',
    modelWith('zzz: 1'),
    '7: models[0].zzz: is not a known key; fix: use one of id, owned_by',
  ],
  [
    'a wrong word',
    modelWith('price_: 1'),
    '7: models[0].price_: is not a known key; fix: did you mean price?',
  ],
  ['a key given twice', modelWith('id: again'), '7: this key stands here twice'],
  [
    'a model that serves itself',
    modelWith('fallbacks: [m]'),
    '7: models[0].fallbacks[0]: leads back: m → m',
  ],
  [
    'an unset variable',
    modelWith('max_output: ${CAP}'),
    '7: models[0].max_output: needs CAP, which is not set',
  ],
  [
    'a secret in plain sight',
    modelWith('owned_by: ${P_API_KEY}'),
    '7: models[0].owned_by: puts the secret P_API_KEY where',
  ],
  [
    'an unreadable reference',
    modelWith('owned_by: ${a b}'),
    '7: models[0].owned_by: has a ${…} that cannot be read',
  ],
  [
    'an absurd number',
    modelWith('context_tokens: 99999999999'),
    '7: models[0].context_tokens: is not a whole number',
  ],
  [
    'a fraction of a token',
    modelWith('max_output: 1.5'),
    '7: models[0].max_output: is not a whole number',
  ],
  [
    'a list that should be a map',
    modelWith('service_tiers: [a]'),
    '7: models[0].service_tiers: is not a map',
  ],
  [
    'a map that should be text',
    modelWith('owned_by: { a: b }'),
    '7: models[0].owned_by: is not a single value',
  ],
  [
    'a tier without a price',
    modelWith('service_tiers: { flex: { input: 1 } }'),
    '7: models[0].service_tiers.flex.output: is missing',
  ],
  [
    'a price of zero',
    modelWith('service_tiers: { flex: { input: 0, output: 0.0 } }'),
    '7: models[0].service_tiers.flex: is nothing at all; fix: write price: free',
  ],
  [
    'a price in words',
    modelWith('service_tiers: { flex: cheap }'),
    '7: models[0].service_tiers.flex: is not a price',
  ],
  ['no address', providerWith('api_keys: ${P_API_KEY}'), '2: providers[0].base_url: is missing'],
  ['no key', providerWith('base_url: https://p.test'), '2: providers[0].api_keys: is missing'],
  [
    'a wrong switch',
    providerWith('keyless: yes\n    base_url: http://p.test'),
    '4: providers[0].keyless: is none of true, false',
  ],
  ['no providers', MODELS, '1: providers: is missing'],
  ['no models', PROVIDERS, '1: models: is missing'],
  ['bad indentation', 'providers:\n  - id: p\n bad: 1\n', '3: is not valid YAML'],
]

test.each(ONE_PROBLEM)('%s is told by its line', (_, yaml, expected) => {
  const problems = problemsOf(yaml)
  expect(problems.filter((problem) => !problem.includes('which is no provider'))).toHaveLength(1)
  expect(problems.join('\n')).toContain(`config/gateway.yaml:${expected}`)
})

test('an empty file lacks everything', () => {
  expect(problemsOf('# nothing yet\n')).toHaveLength(2)
})

test('a circle of fallbacks is told once, with its way round', () => {
  const model = (id: string, fallback: string): string =>
    `  - { id: ${id}, price: free, fallbacks: [${fallback}], deployments: [{ provider: p, model: m }] }\n`
  const yaml = `${PROVIDERS}models:\n${model('a', 'b')}${model('b', 'c')}${model('c', 'a')}${model('d', 'a')}`
  expect(problemsOf(yaml)).toEqual([
    'config/gateway.yaml:4: models[0].fallbacks[0]: leads back: a → b → c → a; fix: break the circle',
  ])
})

test('the same deployment twice is told', () => {
  const yaml = modelWith('').replace('m } ]', 'm }, { provider: p, model: m, weight: 2 } ]')
  expect(problemsOf(yaml).join()).toContain(':6: models[0].deployments[1]: is p/m again')
})

test('a header that carries a key or belongs to the gateway is refused', () => {
  for (const name of ['Authorization', 'x-api-key', 'Host', 'content-length', 'bad name']) {
    const yaml = PROVIDERS.replace('id: p,', `id: p, headers: { "${name}": x },`) + MODELS
    expect(problemsOf(yaml).join()).toContain('is not a header that can be set here')
  }
})

test('a key with a space in it is refused without being shown', () => {
  const problems = problemsOf(PROVIDERS + MODELS, { P_API_KEY: 'canary one' })
  expect(problems).toHaveLength(1)
  expect(problems.join()).toContain(':2: providers[0].api_keys[0]: holds a key with spaces')
  expect(problems.join()).not.toContain('canary')
})

test.each([
  '"canary" "canary"',
  '>-canary',
  '|canary',
  '*canary',
  "'canary",
  '[ canary: canary: ]',
])('the mistake in api_keys: %s does not put the key into the log', (text) => {
  const problems = problemsOf(`providers:\n  - api_keys: ${text}\n`)
  expect(problems.join()).toContain('config/gateway.yaml:')
  expect(problems.join()).not.toContain('canary')
})

test('anchors are followed, and problems inside them are found', () => {
  const yaml = `${PROVIDERS}models:
  - id: m
    price: &price { input: 1, output: x }
    deployments: [ { provider: p, model: m, price: *price } ]
`
  expect(problemsOf(yaml).map((problem) => problem.split(':').slice(0, 3).join(':'))).toEqual([
    'config/gateway.yaml:5: models[0].price.output',
    'config/gateway.yaml:5: models[0].deployments[0].price.output',
  ])
})

test('an alias of nothing is no silence', () => {
  const yaml = modelWith('service_tiers: *nothing')
  expect(problemsOf(yaml).join()).toContain(
    'config/gateway.yaml:7: models[0].service_tiers: names an anchor that is not above it',
  )
})

test('a model is limited in what all its callers ask for, and not in what each of them spends', () => {
  expect(problemsOf(modelWith('limits: { tokens_per_day: 1000 }'))).toEqual([])
  for (const name of ['spend_per_day', 'concurrent_requests']) {
    expect(problemsOf(modelWith(`limits: { ${name}: 5 }`)).join()).toContain(
      `7: models[0].limits.${name}: is not a known key`,
    )
  }
})

test('a file that contains itself comes to an end', () => {
  const problems = problemsOf(`${PROVIDERS}models: &all [ *all ]\n`)
  assert(problems.length > 0)
})

test('names that objects are born with are only names', () => {
  const yaml = `${PROVIDERS}${MODELS}tiers: { free: { requests_per_minute: 1 }, constructor: { requests_per_minute: 2 } }\n`
  expect(problemsOf(yaml)).toEqual([])
  expect(problemsOf(`${PROVIDERS}${MODELS}__proto__: { polluted: 1 }\n`)).toHaveLength(1)
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
})
