// docker-compose.prod.yml, as far as it can be judged without a container engine.
import fs from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import { readEnvFile } from '../../src/config/env-file.ts'
import {
  COMPOSE,
  pairsOf,
  readCompose,
  textOf,
  variablesOf,
  type ComposeService,
} from '../support/compose-file.ts'
import { root } from '../support/gateway-process.ts'

const REQUIRED = { LETSENCRYPT_EMAIL: 'ops@tollgate.dev', TRAEFIK_DASHBOARD_USERS: 'ops:$2y$05$x' }
const DOMAINS = [
  'api.deep.assistant.run.place',
  'api-deep-assistant.mooo.com',
  'api-deep-assistant.yee.pw',
  'assistant.yee.pw',
  'api-deep-assistant.duckdns.org',
]

const text = textOf(COMPOSE)
const compose = readCompose(REQUIRED)
const serviceOf = (name: string): ComposeService => compose.services[name] ?? {}
const gateway = serviceOf('api-gateway')
const traefik = serviceOf('traefik')
const labels = pairsOf(gateway.labels ?? [])
const dashboard = pairsOf(traefik.labels ?? [])
const flags = pairsOf(traefik.command ?? [])
const router = (name: string, field: string) => labels.get(`traefik.http.routers.${name}.${field}`)

test.each([COMPOSE, 'deploy/traefik/docker-compose.files.yml', 'deploy/swarm/stack.yml'])(
  '%s is one that compose understands, with no key that it does not know',
  (name) => {
    const schema = fs.readFileSync(
      path.join(root, 'node_modules/dclint/schemas/compose.schema.json'),
      'utf8',
    )
    const options = { strict: false, validateFormats: false, validateSchema: false }
    const validate = new Ajv(options).compile(JSON.parse(schema) as object)
    validate(parse(textOf(name), { merge: true }))
    expect(validate.errors ?? []).toEqual([])
  },
)

test('by default two containers start, under their names, and the rest waits for a profile', () => {
  const started = Object.values(compose.services).filter(({ profiles }) => profiles === undefined)
  expect(started.map(({ container_name }) => container_name)).toEqual([
    'api-gateway-prod',
    'traefik-prod',
  ])
})

test('a variable that is needed stops the start with a word on what to do', () => {
  expect([...text.matchAll(/\$\{([A-Z_0-9]+):\?([^}]*)\}/g)].map(([, name]) => name)).toEqual([
    'LETSENCRYPT_EMAIL',
    'TRAEFIK_DASHBOARD_USERS',
  ])
  for (const name of Object.keys(REQUIRED)) {
    expect(() => readCompose({ ...REQUIRED, [name]: '' })).toThrow(/scripts\/setup\.sh/)
  }
})

test('every variable of the file stands in .env.example, with the default that it has', () => {
  const example = textOf('.env.example')
  const set = readEnvFile(example.replace(/^#(?=[A-Z][A-Z0-9_]*=)/gm, ''))
  for (const [name, fallback] of variablesOf(text)) {
    expect(set, name).toHaveProperty(name)
    if (fallback !== undefined && name !== 'DASHBOARD_ALLOWED_IPS' && !/^ACME_[CS]/.test(name)) {
      expect(`${name}=${set[name] ?? ''}`).toBe(`${name}=${fallback}`)
    }
  }
})

describe.each(DOMAINS.map((domain, at) => [domain, `api-gateway-domain${at + 1}`] as const))(
  '%s',
  (domain, name) => {
    test('has a router with a certificate of its own', () => {
      expect(router(name, 'rule')).toBe(`Host(\`${domain}\`)`)
      expect(router(name, 'entrypoints')).toBe('websecure')
      expect(router(name, 'tls.certresolver')).toBe('letsencrypt')
      expect(router(name, 'service')).toBe('api-gateway')
    })

    test('sends http to https', () => {
      expect(router(`${name}-http`, 'rule')).toBe(`Host(\`${domain}\`)`)
      expect(router(`${name}-http`, 'entrypoints')).toBe('web')
      expect(router(`${name}-http`, 'middlewares')).toBe('redirect-to-https')
      expect(router(`${name}-http`, 'service')).toBe('api-gateway')
      expect(router(`${name}-http`, 'tls')).toBeUndefined()
    })
  },
)

test('each domain is a variable', () => {
  const env = Object.fromEntries(DOMAINS.map((_, at) => [`DOMAIN${at + 1}`, `d${at + 1}.test`]))
  const chosen = pairsOf(readCompose({ ...REQUIRED, ...env }).services['api-gateway']?.labels ?? [])
  for (const [at] of DOMAINS.entries()) {
    expect(chosen.get(`traefik.http.routers.api-gateway-domain${at + 1}.rule`)).toBe(
      `Host(\`d${at + 1}.test\`)`,
    )
  }
})

test('every middleware and service that a router names is defined', () => {
  const all = new Map([...labels, ...dashboard])
  const defined = (kind: string) =>
    new Set(
      [...all.keys()].flatMap(
        (key) => new RegExp(`^traefik\\.http\\.${kind}\\.([^.]+)\\.`).exec(key)?.[1] ?? [],
      ),
    )
  const edge = parse(textOf('deploy/traefik/edge/waiting.yml').replace(/^\s*# \{\{.*$/gm, '')) as {
    http: { middlewares: object }
  }
  const middlewares = new Set([
    ...defined('middlewares'),
    ...Object.keys(edge.http.middlewares).map((name) => `${name}@file`),
  ])
  for (const [key, value] of all) {
    if (/^traefik\.http\.routers\.[^.]+\.middlewares$/.test(key))
      for (const name of value.split(',')) expect(middlewares).toContain(name)
    if (/^traefik\.http\.routers\.[^.]+\.service$/.test(key) && value !== 'api@internal')
      expect(defined('services')).toContain(value)
  }
})

test('the dashboard asks for a name, a password and an address, and has no password of its own', () => {
  expect(dashboard.get('traefik.http.routers.dashboard.service')).toBe('api@internal')
  expect(dashboard.get('traefik.http.routers.dashboard.middlewares')).toBe(
    'dashboard-ips,traefik-auth,dashboard-headers',
  )
  expect(dashboard.get('traefik.http.middlewares.traefik-auth.basicauth.users')).toBe(
    REQUIRED.TRAEFIK_DASHBOARD_USERS,
  )
  expect(flags.get('--api.insecure')).toBe('false')
  expect(text).not.toMatch(/\$apr1\$|\$\$2[aby]\$\$|change_this_password|basicauth\.users=[^$]/)
})

test('certificates come by TLS-ALPN-01, and the file for them depends on the authority', () => {
  const acme = (name: string) => flags.get(`--certificatesresolvers.letsencrypt.acme.${name}`)
  expect(acme('tlschallenge')).toBe('true')
  expect(acme('httpchallenge')).toBeUndefined()
  expect(acme('email')).toBe(REQUIRED.LETSENCRYPT_EMAIL)
  expect(acme('caserver')).toBe('https://acme-v02.api.letsencrypt.org/directory')
  expect(acme('storage')).toBe('/letsencrypt/acme.json')
  expect(traefik.volumes).toContain('./letsencrypt:/letsencrypt')
})

test('nothing at the edge cuts a stream or holds it back', () => {
  const transport = (name: string) => flags.get(`--entrypoints.websecure.transport.${name}`)
  expect(transport('respondingtimeouts.writetimeout')).toBe('0s')
  expect(transport('respondingtimeouts.readtimeout')).toBe('300s')
  const grace = Number.parseInt(transport('lifecycle.gracetimeout') ?? '')
  expect(Number.parseInt(traefik.stop_grace_period ?? '')).toBeGreaterThan(grace)
  expect(
    labels.get('traefik.http.middlewares.api-gateway-compress.compress.excludedcontenttypes'),
  ).toBe('text/event-stream')
  expect(text).not.toMatch(/\.buffering\.|\.circuitbreaker\.|\.inflightreq\./)
  // Notice, drain and last words of src/wiring/shutdown.ts.
  expect(Number.parseInt(gateway.stop_grace_period ?? '')).toBeGreaterThan(5 + 120 + 2 * 2)
})

test('access logs hold neither paths with their queries nor headers nor names', () => {
  for (const field of ['names.RequestPath', 'names.RequestLine', 'names.ClientUsername'])
    expect(flags.get(`--accesslog.fields.${field}`)).toBe('drop')
  expect(flags.get('--accesslog.fields.headers.defaultmode')).toBe('drop')
})

test('only 80 and 443 are published', () => {
  expect(traefik.ports).toEqual(['80:80', '443:443'])
  const others = Object.entries(compose.services).filter(([name]) => name !== 'traefik')
  for (const [name, { ports = [] }] of others)
    for (const port of ports) expect(`${name}: ${port}`).toMatch(/: 127\.0\.0\.1:/)
})

test('the gateway is nobody in particular, on a read-only disk, without rights to get more', () => {
  expect(gateway).toMatchObject({
    user: '65532:65532',
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  })
})

const HEAP = '--max-old-space-size=768 --max-semi-space-size=16'

test('the heap is smaller than the memory of the container, and its young objects have as much room on any version of Node', () => {
  expect(gateway).toMatchObject({
    mem_limit: '1g',
    environment: { NODE_OPTIONS: HEAP },
  })
})

test('in a Swarm the heap has the same bounds in the same memory', () => {
  const stack = parse(textOf('deploy/swarm/stack.yml')) as { services: Record<string, object> }
  expect(stack.services['api-gateway']).toMatchObject({
    environment: { NODE_OPTIONS: HEAP },
    deploy: { resources: { limits: { memory: '1g' } } },
  })
})

test('images are pinned, logs are bounded, and all comes back after a restart of the machine', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    expect(service.image, name).toMatch(/:(?!latest$)[\w.-]+/)
    if (service.build === undefined) expect(service.image, name).toMatch(/:v?\d+\.\d+/)
    expect(service.logging, name).toBeDefined()
    expect(service.restart, name).toBe('unless-stopped')
  }
})

test('the network has the name that the labels give it', () => {
  expect(compose.networks['traefik-network']?.name).toBe('traefik-network')
  expect(labels.get('traefik.docker.network')).toBe('traefik-network')
  expect(flags.get('--providers.docker.network')).toBe('traefik-network')
})
