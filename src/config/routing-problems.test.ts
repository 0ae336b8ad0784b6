import { assert, expect, test } from 'vitest'
import { loadConfig } from './load-config.ts'
import { formatProblem } from './problem.ts'

const load = (models: string, keys = 'one') =>
  loadConfig({
    env: {},
    files: {
      read: () => ({
        kind: 'text',
        text: `providers:
  - { id: p, protocol: openai, base_url: "https://p.test/v1", api_keys: "${keys}" }
models:
${models}`,
      }),
    },
  })

function problemsOf(models: string): readonly string[] {
  const result = load(models)
  return result.ok ? [] : result.problems.map(formatProblem)
}

const model = (id: string, upstream = 'u', more = ''): string =>
  `  - { id: "${id}", price: { input: 1, output: 1 }, deployments: [{ provider: p, model: "${upstream}" }]${more} }\n`

test.each([
  [
    model('m', 'u', ', strategy: weigthed'),
    'config/gateway.yaml:4: models[0].strategy: is none of priority, weighted, round-robin, least-busy, fastest, cheapest; fix: did you mean weighted?',
  ],
  [
    model('m', 'u', ', affinity: maybe'),
    'config/gateway.yaml:4: models[0].affinity: is none of true, false; fix: write one of them',
  ],
  [
    model('m', 'u', ', hedge: { max_extra: 0.1 }'),
    'config/gateway.yaml:4: models[0].hedge: says not exactly once when; fix: write after_ms: 800, or after: p95',
  ],
  [
    model('m', 'u", continue_as: "guess'),
    'config/gateway.yaml:4: models[0].deployments[0].continue_as: is none of instruction, prefill, prefix, final_message; fix: write one of them',
  ],
  [
    model('m') + 'aliases: { a: n }\n',
    'config/gateway.yaml:5: aliases.a: is n, which is no model; fix: did you mean m?',
  ],
  [
    model('m') + 'aliases: { m: m }\n',
    'config/gateway.yaml:5: aliases.m: is the id of a model; fix: choose another name: a model is asked for by its id',
  ],
  [
    model('m') + 'aliases: { a: m, b: a }\n',
    'config/gateway.yaml:5: aliases.b: is a, which is an alias; fix: write the model: m',
  ],
  [
    model('open/*'),
    'config/gateway.yaml:4: models[0].deployments[0].model: is u, without the one * that open/* needs; fix: write "*", in quotes',
  ],
  [
    model('m', 'u-*'),
    "config/gateway.yaml:4: models[0].deployments[0].model: is u-*, but m is no wildcard; fix: end the model's id with *, too, or write the whole name",
  ],
  [
    model('o*n', '*'),
    'config/gateway.yaml:4: models[0].id: is not a model name; fix: use letters, digits and - _ . : / @ + without spaces; a * may end it',
  ],
])('%s', (yaml, problem) => {
  expect(problemsOf(yaml)).toContain(problem)
})

test('a wildcard without a price is refused', () => {
  const yaml = '  - { id: open/*, deployments: [{ provider: p, model: "*" }] }\n'
  expect(problemsOf(yaml)[0]).toContain('config/gateway.yaml:4: models[0].price: is missing')
})

test('aliases and fallbacks may name what only a wildcard serves', () => {
  const yaml = model('open/*', '*') + model('m', 'u', ', fallbacks: [open/x]')
  const result = load(`${yaml}aliases: { best: open/y }\n`)
  assert(result.ok)
  expect(result.config.models[1]?.fallbacks).toEqual(['open/x'])
  expect([...result.config.aliases]).toEqual([['best', 'open/y']])
})

test('affinity is on where a provider has several keys, unless the strategy spreads the load', () => {
  const affinityOf = (more: string, keys?: string) => {
    const result = load(model('m', 'u', more), keys)
    assert(result.ok)
    return result.config.models[0]?.affinity
  }
  expect(affinityOf('')).toBe(false)
  expect(affinityOf('', 'one,two')).toBe(true)
  expect(affinityOf(', strategy: cheapest', 'one,two')).toBe(true)
  expect(affinityOf(', strategy: round-robin', 'one,two')).toBe(false)
  expect(affinityOf(', strategy: round-robin, affinity: true')).toBe(true)
  expect(affinityOf(', affinity: false', 'one,two')).toBe(false)
})

test('a strategy with nothing to pick from is worth a warning', () => {
  const result = load(`  - id: m
    price: free
    strategy: cheapest
    deployments: [{ provider: p, model: a }, { provider: p, model: b, priority: 1 }]
`)
  assert(result.ok)
  expect(result.notices.map(({ message }) => message)).toEqual([
    'has strategy: cheapest, but each of its deployments a priority of its own, which goes first',
  ])
})

test('what needs a second deployment and has none is a warning', () => {
  const wants = ', continue_cut_streams: true, hedge: { after: p95 }'
  const warned = (keys: string) => {
    const result = load(model('m', 'u', wants), keys)
    assert(result.ok)
    const notices = result.notices.filter(({ subject }) => subject === 'model m')
    return notices.map(({ message }) => message)
  }
  expect(warned('one')).toEqual([
    'has continue_cut_streams, but no second deployment to ask',
    'has hedge, but no second deployment to ask',
  ])
  expect(warned('one,two')).toEqual([])
})
