// A deployment that is right, spoilt in one way each time: the doctor finds just that.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { readDeployment, type Finding } from '../../src/cli/doctor/deployment.ts'
import { examine } from '../../src/cli/doctor/examine.ts'
import { runScript } from '../support/script.ts'

type Report = Readonly<{ ok: boolean; findings: readonly Finding[] }>

const HASH = '$2y$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234'
const RIGHT = `LETSENCRYPT_EMAIL=ops@tollgate.dev
TRAEFIK_DASHBOARD_USERS='admin:${HASH}'
ADMIN_FIRST=r-udbjWxKXetfPl74ydQV7MyeXGtg690QT1NndXoJMk
OPENAI_API_KEY=sk-proj-8Hq2Lw
`

const CONFIG = `providers:
  - { id: openai, protocol: openai, base_url: 'https://api.openai.com/v1', api_keys: '\${OPENAI_API_KEY}' }
  - { id: ollama, protocol: openai, base_url: '\${OLLAMA_BASE_URL}', keyless: true }
  - { id: demo, protocol: demo }
models:
  - { id: demo, price: free, max_output: 100, deployments: [{ provider: demo, model: demo }] }
  - { id: gpt-4o, price: free, max_output: 100, deployments: [{ provider: openai, model: gpt-4o }] }
  - { id: llama, price: free, max_output: 100, deployments: [{ provider: ollama, model: llama }] }
`

let dir: string
const scratch: string[] = []
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-doctor-'))
  scratch.push(dir)
  for (const folder of ['db', 'logs', 'backups', 'letsencrypt', 'config'])
    fs.mkdirSync(path.join(dir, folder))
  fs.writeFileSync(path.join(dir, 'config/gateway.yaml'), CONFIG)
  fs.writeFileSync(path.join(dir, 'letsencrypt/acme.json'), '{}', { mode: 0o600 })
  writeEnv('')
})
afterAll(() => {
  for (const one of scratch) fs.rmSync(one, { recursive: true, force: true })
})

const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`

/** The right settings, with these lines behind them: the last line of a variable counts. */
function writeEnv(more: string, text = RIGHT): void {
  const own = `${text}GATEWAY_USER=${owner}\n`
  const names = new Set([...more.matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name = '']) => name))
  const kept = own.split('\n').filter((line) => !names.has(line.split('=')[0] ?? ''))
  fs.writeFileSync(path.join(dir, '.env'), kept.join('\n') + more, { mode: 0o600 })
}

async function look(at?: string, socket?: string): Promise<Report> {
  const deployment = readDeployment(dir, { at: at ?? '', socket })
  const findings: Finding[] = []
  for await (const { found } of examine(deployment, { isOffline: at === undefined }))
    findings.push(...found)
  return { ok: findings.every(({ severity }) => severity !== 'error'), findings }
}

test('of a deployment that is right it finds nothing', async () => {
  expect(await look()).toEqual({ ok: true, findings: [] })
})

const inDir = (name: string) => path.join(dir, name)
/** What is wrong, what it is called, and a word of what to do. */
const SEEDED: readonly (readonly [string, () => void, string, RegExp])[] = [
  [
    'there is no .env',
    () => {
      fs.rmSync(inDir('.env'))
    },
    'env_file',
    /setup\.sh/,
  ],
  [
    '.env can be read by others',
    () => {
      fs.chmodSync(inDir('.env'), 0o644)
    },
    'env_file',
    /chmod 600/,
  ],
  [
    '.env was written on Windows',
    () => {
      fs.writeFileSync(
        inDir('.env'),
        fs.readFileSync(inDir('.env'), 'utf8').replaceAll('\n', '\r\n'),
      )
    },
    'env_file',
    /sed/,
  ],
  [
    'the e-mail address is a sample',
    () => {
      writeEnv('LETSENCRYPT_EMAIL=admin@example.com\n')
    },
    'email',
    /--email/,
  ],
  [
    'the password of the dashboard is that of a document',
    () => {
      writeEnv("TRAEFIK_DASHBOARD_USERS='admin:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/'\n")
    },
    'dashboard_password',
    /new-dashboard-password/,
  ],
  [
    'the password of the dashboard stands there as it is',
    () => {
      writeEnv('TRAEFIK_DASHBOARD_USERS=admin:change-it-later\n')
    },
    'dashboard_password',
    /new-dashboard-password/,
  ],
  [
    'the dollars of the hash are doubled',
    () => {
      writeEnv(`TRAEFIK_DASHBOARD_USERS='admin:${HASH.replaceAll('$', '$$$$')}'\n`)
    },
    'dashboard_password',
    /once/,
  ],
  [
    'the hash is not quoted',
    () => {
      writeEnv(`TRAEFIK_DASHBOARD_USERS=admin:${HASH}\n`)
    },
    'dashboard_password',
    /single quotes/,
  ],
  [
    'a domain is an address',
    () => {
      writeEnv('DOMAIN2=https://api.tollgate.dev/v1\n')
    },
    'domains',
    /without https/,
  ],
  [
    'a domain is there twice',
    () => {
      writeEnv('DOMAIN2=assistant.yee.pw\n')
    },
    'domains',
    /of its own/,
  ],
  [
    'the networks of the dashboard are none',
    () => {
      writeEnv('DASHBOARD_ALLOWED_IPS=10.0.0.0/33,office\n')
    },
    'dashboard_networks',
    /203\.0\.113/,
  ],
  [
    'the staging authority shares the file of the real one',
    () => {
      writeEnv('ACME_CA_SERVER=https://acme-staging-v02.api.letsencrypt.org/directory\n')
    },
    'authority',
    /ACME_STORAGE=/,
  ],
  [
    'Traefik does not see the socket of podman',
    () => {
      writeEnv('DOCKER_SOCKET=/run/podman/podman.sock\n')
    },
    'sockets',
    /TRAEFIK_SOCKET=\/run\/podman/,
  ],
  [
    'the guard is passed by',
    () => {
      writeEnv('DOCKER_ENDPOINT=tcp://socket-guard:2375\n')
    },
    'sockets',
    /\/dev\/null/,
  ],
  [
    'Traefik is whatever is latest',
    () => {
      writeEnv('TRAEFIK_IMAGE=traefik:latest\n')
    },
    'traefik_image',
    /v2\.11\.57/,
  ],
  [
    'Traefik is too old for the engine',
    () => {
      writeEnv('TRAEFIK_IMAGE=traefik:v2.9\n')
    },
    'traefik_image',
    /2\.11\.31/,
  ],
  [
    'the heap is as large as the container',
    () => {
      writeEnv('GATEWAY_MEMORY=512m\n')
    },
    'memory',
    /three quarters/,
  ],
  [
    'the master key is weak',
    () => {
      writeEnv('ADMIN_FIRST=your_secure_master_token_here\n')
    },
    'configuration',
    /make one with/,
  ],
  [
    'gateway.yaml has a mistake',
    () => {
      fs.appendFileSync(inDir('config/gateway.yaml'), '\ncolour: red\n')
    },
    'configuration',
    /./,
  ],
  [
    'a model server is at localhost',
    () => {
      writeEnv('OLLAMA_BASE_URL=http://localhost:11434/v1\n')
    },
    'provider_address',
    /address of the machine/,
  ],
  [
    'no provider has a key',
    () => {
      writeEnv('OPENAI_API_KEY=\n')
    },
    'providers',
    /OPENAI_API_KEY/,
  ],
  [
    'the master key is not set',
    () => {
      writeEnv('ADMIN_FIRST=\n')
    },
    'master_key',
    /setup\.sh/,
  ],
  [
    'a folder belongs to somebody else',
    () => {
      writeEnv('GATEWAY_USER=4321:4321\n')
    },
    'folders',
    /chown -R 4321:4321/,
  ],
  [
    'a folder is missing',
    () => {
      fs.rmdirSync(inDir('logs'))
    },
    'folders',
    /setup\.sh/,
  ],
  [
    'acme.json can be read by others',
    () => {
      fs.chmodSync(inDir('letsencrypt/acme.json'), 0o644)
    },
    'certificate_file',
    /chmod 600/,
  ],
  [
    'acme.json was made a folder by Docker',
    () => {
      fs.rmSync(inDir('letsencrypt/acme.json'))
      fs.mkdirSync(inDir('letsencrypt/acme.json'))
    },
    'certificate_file',
    /rmdir/,
  ],
  [
    'acme.json is cut short',
    () => {
      fs.writeFileSync(inDir('letsencrypt/acme.json'), '{"letsen')
    },
    'certificate_file',
    /restore\.sh/,
  ],
  [
    'there is no backup of books that are there',
    () => {
      fs.mkdirSync(inDir('db/journal'))
    },
    'backup',
    /backup\.sh/,
  ],
]

test.each(SEEDED)('%s', async (_, spoil, check, fix) => {
  spoil()
  const { findings, ok } = await look()
  expect(new Set(findings.map((one) => one.check))).toEqual(new Set([check]))
  expect(findings.map((one) => one.fix).join()).toMatch(fix)
  expect(ok).toBe(findings.every(({ severity }) => severity === 'warning'))
})

test('it never shows a secret', async () => {
  writeEnv('ADMIN_FIRST=hunter2-is-short\nTRAEFIK_DASHBOARD_USERS=admin:plain-password\n')
  const { findings } = await look()
  expect(JSON.stringify(findings)).not.toMatch(/hunter2|plain-password|sk-proj/)
})

test('the command ends with 1 when something is wrong, and tells it in a form for programs', async () => {
  writeEnv('LETSENCRYPT_EMAIL=\n')
  const ended = await runScript('doctor', ['--json', '--offline', '--dir', dir], { dir })
  expect(ended).toMatchObject({ code: 1, stderr: '' })
  expect(JSON.parse(ended.stdout)).toMatchObject({ ok: false, findings: [{ check: 'email' }] })
})

describe('where it can ask', () => {
  const containers = { 'api-gateway-prod': {}, 'traefik-prod': {} } as Record<string, object>
  let [engine, edge, plain]: Server[] = []
  let at = ''
  let status = 200
  const socket = () => path.join(os.tmpdir(), `doctor-${process.pid}.sock`)

  beforeAll(async () => {
    const place = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-doctor-'))
    scratch.push(place)
    const subject = ['-subj', '/CN=TRAEFIK DEFAULT CERT', '-days', '2', '-nodes']
    const files = ['-keyout', path.join(place, 'key'), '-out', path.join(place, 'crt')]
    spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject, ...files])
    const read = (name: string) => fs.readFileSync(path.join(place, name))
    edge = https.createServer({ key: read('key'), cert: read('crt') }, (_, res) =>
      res.writeHead(status).end(),
    )
    plain = http.createServer((_, res) => res.writeHead(200).end())
    engine = http.createServer(answerAsEngine)
    for (const server of [edge, plain])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    await new Promise<void>((resolve) => engine?.listen(socket(), resolve))
    const portOf = (server: Server) => (server.address() as AddressInfo).port
    at = `127.0.0.1:${portOf(edge)}:${portOf(plain)}`
  })
  afterAll(() => {
    for (const server of [engine, edge, plain]) server?.close()
    fs.rmSync(socket(), { force: true })
  })

  function answerAsEngine({ url = '' }: http.IncomingMessage, res: http.ServerResponse): void {
    const fine = {
      State: { Status: 'running' },
      NetworkSettings: { Networks: { 'traefik-network': {} } },
    }
    const name = url.split('/')[2] ?? ''
    const list = Object.keys(containers).map((Id) => ({ Id, Names: [`/${Id}`], State: 'running' }))
    const body =
      url === '/version'
        ? { ApiVersion: '1.52' }
        : url.startsWith('/containers/json')
          ? list
          : { ...fine, ...containers[name] }
    res.end(JSON.stringify(body))
  }

  const names = Object.fromEntries(
    [1, 2, 3, 4, 5].map((n) => [`DOMAIN${n}`, `d${n}.tollgate.invalid`]),
  )
  async function live(): Promise<Report> {
    writeEnv(
      [...Object.entries(names), ['DASHBOARD_DOMAIN', 'd6.tollgate.invalid']]
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    return look(at, socket())
  }
  const messagesOf = ({ findings }: Report, check: string) =>
    findings.filter((one) => one.check === check).map(({ message }) => message)

  test('it says which names lead nowhere, who has no certificate, and what is not sent to https', async () => {
    status = 200
    const report = await live()
    expect(messagesOf(report, 'names')).toHaveLength(6)
    expect(messagesOf(report, 'certificates')).toContain(
      'd1.tollgate.invalid has no certificate yet',
    )
    expect(messagesOf(report, 'answers')).toContain(
      'http://d5.tollgate.invalid is answered 200 and not sent to https',
    )
    expect(messagesOf(report, 'containers')).toEqual([])
  })

  test.each([
    [404, 'no route leads there'],
    [502, 'Traefik cannot reach the gateway'],
    [503, 'the gateway is not there, or not ready'],
  ])('an answer of %i: %s', async (answered, word) => {
    status = answered
    expect(messagesOf(await live(), 'answers')).toContain(
      `https://d1.tollgate.invalid/healthz is answered ${answered}: ${word}`,
    )
  })

  test('it says what happened to a container', async () => {
    containers['api-gateway-prod'] = { State: { Status: 'exited', ExitCode: 78 } }
    containers['traefik-prod'] = { NetworkSettings: { Networks: { other: {} } } }
    expect(messagesOf(await live(), 'containers')).toEqual([
      'api-gateway-prod is exited: its configuration is invalid',
      'traefik-prod is in other and not in traefik-network: Bad Gateway',
    ])
    containers['api-gateway-prod'] = { State: { Status: 'exited', ExitCode: 137, OOMKilled: true } }
    delete containers['traefik-prod']
    expect(messagesOf(await live(), 'containers')).toEqual([
      'api-gateway-prod was killed for want of memory',
      'api-gateway-prod is exited (exit code 137)',
      'traefik-prod is not there',
    ])
  })

  test('it says when no engine answers and nothing listens', async () => {
    const report = await look('127.0.0.1:1:1', `${socket()}.none`)
    expect(messagesOf(report, 'engine')[0]).toMatch(/does not answer/)
    expect(messagesOf(report, 'certificates')).toEqual(['nothing answers TLS at 127.0.0.1:1'])
  })
})
