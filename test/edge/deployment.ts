// The deployment under test: a copy of the repository, set up by its own scripts and started by its own compose file.
import fs from 'node:fs'
import path from 'node:path'
import { readEnvFile } from '../../src/config/env-file.ts'
import { root } from '../support/gateway-process.ts'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { HOST, type Authority } from './authority.ts'
import type { Engine } from './engine.ts'
import { NODE_IMAGE, RUNTIME_IMAGE } from './images.ts'
import { must, run, until, type Ended } from './shell.ts'

export const DOMAINS = [
  'api.deep.assistant.run.place',
  'api-deep-assistant.mooo.com',
  'api-deep-assistant.yee.pw',
  'assistant.yee.pw',
  'api-deep-assistant.duckdns.org',
] as const
export const DASHBOARD = 'traefik.api.deep.assistant.run.place'
/** The gateway's, as compose knows it. */
export const IMAGE = 'docker.io/library/tollgate-api-gateway:local'
export const PASSWORD = 'kettle-lantern-orchard-41'

export type Deployment = Readonly<{
  dir: string
  engine: Engine
  authority: Authority
  provider: FaultProvider
  key: string
  compose: (args: readonly string[], timeoutMs?: number) => Promise<string>
  script: (name: string, args: readonly string[]) => Promise<Ended>
  /** node scripts/… inside of the gateway's container. */
  inside: (args: readonly string[]) => Promise<string>
  isHealthy: (container: string) => Promise<boolean>
  /** What .env says. */
  settings: () => Readonly<Record<string, string | undefined>>
  stop: () => Promise<void>
}>

type Wanted = Readonly<{
  folder: string
  engine: Engine
  authority: Authority
  traefikImage: string
  say: (line: string) => void
}>

/** All but the first start; `begin` does that. */
export async function prepare(wanted: Wanted): Promise<Omit<Deployment, 'key'>> {
  const { folder: dir, engine, authority, say } = wanted
  await cloneRepository(dir)
  const provider = await startFaultProvider({ host: '0.0.0.0' })
  fs.writeFileSync(path.join(dir, 'config/gateway.yaml'), configFor(provider.port))
  fs.writeFileSync(path.join(dir, 'password'), `${PASSWORD}\n`, { mode: 0o600 })
  const env = engine.env
  const script = (name: string, args: readonly string[]) =>
    run(path.join(dir, 'scripts', name), args, { cwd: '/', env, timeoutMs: 400_000 })
  say('scripts/setup.sh')
  const setup = await script('setup.sh', [
    '--email',
    'operator@tollgate.dev',
    '--dashboard-password-file',
    'password',
  ])
  if (setup.code !== 0) throw new Error(`scripts/setup.sh: ${setup.stderr}`)
  fs.appendFileSync(
    path.join(dir, '.env'),
    `EDGE_API_KEY=sk-edge-provider-key-that-nobody-sees\nTRAEFIK_IMAGE=${wanted.traefikImage}\n` +
      `ACME_CA_SERVER=${authority.directory}\nACME_STORAGE=acme-test.json\n`,
  )
  const compose = (args: readonly string[], timeoutMs = 300_000) =>
    must('docker-compose', ['-f', 'docker-compose.prod.yml', ...args], { cwd: dir, env, timeoutMs })
  const beat = healthChecks(engine)
  return {
    ...{ dir, engine, authority, provider, compose, script },
    inside: (args) => engine.podman(['exec', 'api-gateway-prod', 'node', ...args]),
    settings: () => readEnvFile(fs.readFileSync(path.join(dir, '.env'), 'utf8')),
    isHealthy: async (name) => {
      const format = '{{.State.Health.Status}} {{.State.Healthcheck.Status}}'
      const { stdout } = await run('podman', ['inspect', '--format', format, name], { env })
      return stdout.includes('healthy') && !stdout.includes('unhealthy')
    },
    async stop() {
      clearInterval(beat)
      await compose(['down', '--timeout', '5']).catch(() => undefined)
      await provider.close()
    },
  }
}

export async function buildImage({
  dir,
  engine,
}: Pick<Deployment, 'dir' | 'engine'>): Promise<void> {
  const bases = [
    '--build-arg',
    `NODE_IMAGE=${NODE_IMAGE}`,
    '--build-arg',
    `RUNTIME_IMAGE=${RUNTIME_IMAGE}`,
  ]
  // The network of this machine: those of containers may not reach a registry of packages.
  await engine.podman(['build', '--network', 'host', ...bases, '--tag', IMAGE, dir], 900_000)
}

export async function begin(prepared: Omit<Deployment, 'key'>): Promise<Deployment> {
  await prepared.compose(['up', '-d'])
  await until(async () => (await prepared.isHealthy('api-gateway-prod')) || undefined, {
    what: 'a healthy gateway',
  })
  const issued = await prepared.inside([
    ...[
      'scripts/token-gen.js',
      '--type',
      'user',
      '--userName',
      'edge',
      '--token',
      '1000000000',
      '--json',
    ],
  ])
  return { ...prepared, key: (JSON.parse(issued) as { key: string }).key }
}

/** What systemd does elsewhere: podman only runs a health check when it is told to. */
function healthChecks({ env }: Engine): NodeJS.Timeout {
  let isRunning = false
  return setInterval(() => {
    if (isRunning) return
    isRunning = true
    const checks = ['api-gateway-prod', 'traefik-prod'].map((name) =>
      run('podman', ['healthcheck', 'run', name], { env }).catch(() => undefined),
    )
    void Promise.all(checks).then(() => (isRunning = false))
  }, 2_000)
}

/** A clone, as operators have one, of what is here, with what is not committed yet. */
async function cloneRepository(dir: string): Promise<void> {
  const source = `${dir}.git`
  const git = (args: readonly string[], cwd = source) => must('git', args, { cwd })
  const listed = await git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root)
  for (const name of listed.split('\0')) {
    const from = path.join(root, name)
    if (name === '' || /^(?:bench|test|docs)\//.test(name) || !fs.existsSync(from)) continue
    fs.mkdirSync(path.dirname(path.join(source, name)), { recursive: true })
    fs.copyFileSync(from, path.join(source, name))
  }
  const author = ['-c', 'user.name=edge', '-c', 'user.email=edge@tollgate.dev']
  await git(['init', '--quiet'])
  await git(['add', '--all', '--force'])
  await git([...author, 'commit', '--quiet', '--message', 'as it is here'])
  await git(['clone', '--quiet', source, dir])
}

/** What each model does, by the deployments that are asked for it. */
const MODELS: Readonly<Record<string, readonly string[]>> = {
  'gpt-4o': ['edge/answer'],
  'stream-short': ['edge/answer?chunks=3&every=100'],
  'stream-20': ['edge/answer?chunks=20&every=1000'],
  'stream-75': ['edge/answer?chunks=75&every=1000'],
  'stream-130': ['edge/answer?chunks=130&every=1000'],
  cached: ['edge/answer?cached=4&cache_write=2'],
  failing: ['edge/answer?status=500', 'edge/answer?chunks=3'],
  limited: ['edge/answer?status=429&retry_after=1', 'edge/answer?chunks=4'],
  cut: ['edge/answer?chunks=6&cut=2'],
  narrow: ['one-by-one/answer?delay=200'],
}

const configFor = (port: number): string => `accounting: { credits_per_usd: 200000 }
tiers: # what is seen here is not a limit, but for one
  free: { requests_per_minute: 0 }
  slow: { requests_per_minute: 1 }
providers:
  - id: edge
    protocol: openai
    base_url: http://${HOST}:${port}/v1
    api_keys: \${EDGE_API_KEY}
  - id: one-by-one
    protocol: openai
    base_url: http://${HOST}:${port}/v1
    api_keys: \${EDGE_API_KEY}
    concurrency_max: 1
models:
${Object.entries(MODELS)
  .map(
    ([id, deployments]) => `  - id: ${id}
    price: { input: 1, cached_input: 0.5, cache_write: 2, output: 2 }
    max_output: 1000
    deployments:
${deployments.map(deploymentOf).join('')}`,
  )
  .join('')}`

function deploymentOf(name: string): string {
  const [provider = '', model = ''] = name.split('/')
  return `      - { provider: ${provider}, model: "${model}" }\n`
}
