import { assert, expect, test } from 'vitest'
import { loadConfig } from './load-config.ts'
import { formatProblem } from './problem.ts'

const FILE = `providers:
  - { id: p, protocol: openai, base_url: "https://p.test/v1", api_keys: k }
models:
  - { id: m, price: free, deployments: [ { provider: p, model: m } ] }
hosts: \${TRUSTED_HOSTS:-}
`
const load = (more = '', env = {}) => {
  const read = () => ({ kind: 'text', text: FILE + more }) as const
  return loadConfig({ env, files: { read } })
}
const configOf = (...given: Parameters<typeof load>) => {
  const loaded = load(...given)
  assert(loaded.ok)
  return loaded.config
}
const problemsOf = (...given: Parameters<typeof load>) => {
  const loaded = load(...given)
  return loaded.ok ? [] : loaded.problems.map(formatProblem)
}

test('a gateway is asked by any name, unless its own are said', () => {
  expect(configOf().hosts).toBeUndefined()
  const env = { TRUSTED_HOSTS: 'Api.example.com, gateway' }
  expect(configOf('', env).hosts).toEqual(new Set(['api.example.com', 'gateway']))
  for (const name of ['https://a.example', 'a.example:443', '*', 'a..b'])
    expect(problemsOf('', { TRUSTED_HOSTS: name })).toEqual([
      expect.stringMatching(/^config\/gateway\.yaml:5: hosts/),
    ])
})

test('browsers are told to come by TLS for a year, and of what is below the domain only where that is said', () => {
  expect(configOf().securityHeaders).toEqual({
    strictTransport: 'max-age=31536000',
    xssProtection: '1; mode=block',
  })
  const said = 'hsts_include_subdomains: true, hsts_preload: true, xss_protection: 0'
  expect(configOf(`security_headers: { ${said} }`).securityHeaders).toEqual({
    strictTransport: 'max-age=31536000; includeSubDomains; preload',
    xssProtection: '0',
  })
  expect(problemsOf('security_headers: { hsts_preload: true }')).toEqual([
    'config/gateway.yaml:6: security_headers.hsts_preload: is for domains with all that is below them; ' +
      'fix: set hsts_include_subdomains: true, too, or leave it out',
  ])
})
