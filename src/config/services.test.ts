import { assert, expect, test } from 'vitest'
import { diskFiles } from './disk-files.ts'
import { loadConfig } from './load-config.ts'
import { formatProblem } from './problem.ts'

const BASE = `providers:
  - { id: p, protocol: openai, base_url: "https://p.test/v1", api_keys: one }
models:
  - { id: m, price: free, deployments: [{ provider: p, model: m }] }
`

const load = (text: string) =>
  loadConfig({ env: {}, files: { read: () => ({ kind: 'text', text }) } })

function problemsOf(services: string): readonly string[] {
  const result = load(`${BASE}services:\n${services}`)
  return result.ok ? [] : result.problems.map(formatProblem)
}

const service = (more: string): string => `  - { name: core, ${more} }\n`

test('a service needs a name, a prefix and an address, and has defaults for the rest', () => {
  const result = load(`${BASE}services:\n${service('prefix: /api/core, url: "http://core:8002/"')}`)
  assert(result.ok)
  expect(result.config.services).toEqual([
    {
      ...{ name: 'core', prefix: '/api/core', instances: ['http://core:8002'] },
      ...{ isAuthRequired: true, timeoutMs: 30_000, stripsPrefix: false, requestsPerMinute: 0 },
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'],
    },
  ])
})

test.each([
  ['prefix: /v1/core, url: "http://a"', "prefix: is where the gateway's own routes are (/v1)"],
  ['prefix: /admin, url: "http://a"', "prefix: is where the gateway's own routes are (/admin)"],
  ['prefix: /monitoring, url: "http://a"', "prefix: is where the gateway's own routes are"],
  ['prefix: /, url: "http://a"', 'prefix: is not a prefix of whole segments'],
  ['prefix: api, url: "http://a"', 'prefix: is not a prefix of whole segments'],
  ['prefix: /api/, url: "http://a"', 'prefix: is not a prefix of whole segments'],
  ['prefix: /a/../b, url: "http://a"', 'prefix: is not a prefix of whole segments'],
  ['prefix: "/a%20", url: "http://a"', 'prefix: is not a prefix of whole segments'],
  ['prefix: /a, url: /relative', 'url: is not an http or https address'],
  ['prefix: /a, instances: [core]', 'instances[0]: is not an http or https address'],
  ['prefix: /a', 'says not exactly once where it runs'],
  ['prefix: /a, url: "http://a", instances: ["http://b"]', 'says not exactly once where it runs'],
  ['prefix: /a, url: "http://a", timeout: 3', 'timeout: is not a known key'],
  ['prefix: /a, url: "http://a", methods: [TRACE]', 'methods[0]: is none of GET, POST'],
])('%s: %s', (more, problem) => {
  const [first = '', ...others] = problemsOf(service(more))
  expect(others).toEqual([])
  expect(first).toMatch(/^config\/gateway\.yaml:6: services\[0\]/)
  expect(first).toContain(problem)
})

test('two of one prefix, or of one name, are told with their lines', () => {
  const twice = service('prefix: /a, url: "http://a"') + service('prefix: /a, url: "http://b"')
  expect(problemsOf(twice)).toEqual([
    'config/gateway.yaml:7: services[1].name: is core, and so is something else here; fix: give services, providers and parts of the gateway different names',
    'config/gateway.yaml:7: services[1].prefix: is /a again; fix: give each its own prefix',
  ])
  for (const name of ['p', 'ledger']) {
    const [problem] = problemsOf(service('prefix: /a, url: "http://a"').replace('core', name))
    expect(problem).toContain(`services[0].name: is ${name}, and so is something else here`)
  }
})

test('the example of the shipped file is good', () => {
  const read = diskFiles.read('config/gateway.yaml')
  assert(read.kind === 'text')
  const example = /^services:\n(?: {2}#.*\n)+/m.exec(read.text)?.[0] ?? ''
  const result = load(`${BASE}${example.replaceAll('  # ', '  ')}`)
  expect(result.ok ? [] : result.problems).toEqual([])
  assert(result.ok)
  expect(result.config.services.map(({ prefix }) => prefix)).toEqual([
    ...['/api/core', '/api/data', '/api/trading', '/api/v1/characters', '/api/v1/campaigns'],
    ...['/blockchain'],
  ])
})
