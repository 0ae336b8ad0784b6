import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startNode } from '../run/child.ts'
import { freePort, untilReady } from './loopback.ts'
import { profileArgs, Unavailable, type Bed, type Subject } from './subject.ts'

const credit = 1_000_000_000
/** More than any scenario asks for: limits count, and refuse nothing. */
const beyond = 1_000_000_000

/** Everything on: keys, limits in four windows and of what is in flight, holds, the journal and its disk syncs, logs. */
export async function startTollgate(bed: Bed): Promise<Subject> {
  const program = programCopy(bed)
  const port = await freePort()
  const env = settings(mkdtempSync(join(bed.scratch, 'data-')), { port, bed })
  const key = await issueKey(program, env)
  const child = startNode({
    core: bed.cores.gateway,
    args: [...profileArgs(bed), join('dist', 'main.js')],
    env,
    cwd: program,
  })
  await untilReady(`http://127.0.0.1:${port}/readyz`, child)
  return { name: 'tollgate', child, port, headers: { authorization: `Bearer ${key}` } }
}

/** The program as an image ships it, copied once a run: a build meanwhile does not change what is measured. */
function programCopy({ root, scratch }: Bed): string {
  const copy = join(scratch, 'tollgate')
  if (existsSync(copy)) return copy
  if (!existsSync(join(root, 'dist', 'main.js'))) {
    throw new Unavailable('it is not built: dist/main.js is missing; run `npm run build`')
  }
  for (const part of ['package.json', 'config', 'scripts', 'dist']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  return copy
}

function settings(
  folder: string,
  { port, bed }: { port: number; bed: Bed },
): Record<string, string> {
  const config = join(folder, 'gateway.yaml')
  writeFileSync(config, gatewayConfig(bed.upstreamPort))
  return {
    PORT: String(port),
    HOST: '127.0.0.1',
    DB_DIR: join(folder, 'db'),
    LOG_DIR: join(folder, 'logs'),
    GATEWAY_CONFIG: config,
    ADMIN_FIRST: randomBytes(20).toString('hex'),
    NODE_ENV: 'production',
  }
}

function gatewayConfig(upstreamPort: number): string {
  return `tiers:
  free: { requests_per_minute: 100 }
  premium: { requests_per_minute: 1000 }
  enterprise: { requests_per_minute: 10000 }
  bench:
    requests_per_minute: ${beyond}
    requests_per_day: ${beyond}
    tokens_per_minute: ${1_000 * beyond}
    tokens_per_day: ${1_000 * beyond}
limits: { key_in_flight_max: 100000, account_in_flight_max: 100000 }
providers:
  - id: bench
    protocol: openai
    base_url: http://127.0.0.1:${upstreamPort}/v1
    api_keys: bench-key
models:
  - id: bench-model
    price: { input: 2.5, output: 10 }
    max_output: 4096
    deployments:
      - { provider: bench, model: bench-model }
`
}

async function issueKey(program: string, env: Record<string, string>): Promise<string> {
  const who = ['--type', 'user', '--userName', 'bench', '--token', String(credit)]
  const args = [join('scripts', 'token-gen.js'), ...who, '--tier', 'bench', '--json']
  const options = { cwd: program, env: { ...process.env, ...env } }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, options)
    const { key } = JSON.parse(stdout) as { key: string }
    return key
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Unavailable(`token-gen issued no key: ${reason.slice(0, 500)}`, { cause: error })
  }
}
