import { execFile, spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { raw } from './raw.ts'

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')

export type Issued = Readonly<{
  key: string
  keyId: string
  account: string
  tier: string
  credits: string
}>

export type GatewayProcess = Readonly<{
  url: string
  dir: string
  adminKey: string
  /** All that it has written to stdout and stderr. */
  output: () => string
  process: ChildProcess
  /** A key of an account with so much credit, as operators make them over HTTP: without a process of its own. */
  user: (account: string, credits: string) => Promise<Issued>
  /** Any key, by `token-gen`. */
  issue: (args: readonly string[]) => Promise<Issued>
  /** Ends it, or what was started again in its place, and resolves with the exit code. */
  stop: (signal?: NodeJS.Signals) => Promise<number | null>
  /** The same folder again; to stop or close this one ends that one, too. */
  restart: () => Promise<GatewayProcess>
  close: () => Promise<void>
}>

export type GatewayOptions = Readonly<{
  config: string
  env?: Readonly<Record<string, string>>
  dir?: string
}>

/** A key of the form that operators would make with `openssl rand`. */
const ADMIN_KEY = 'adm-9fK2mQ7xW4bT8zR1cV6nY3pL5sD0gH'

/** None of them outlives whoever started it, however that ends. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts the built gateway as its own process in a scratch folder; ready when its address is printed. */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  const dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-'))
  fs.writeFileSync(path.join(dir, 'gateway.yaml'), unhurried(options.config))
  const env = { ...cleanEnv(dir), ADMIN_FIRST: ADMIN_KEY, ...options.env }
  const child = spawn(process.execPath, [path.join(root, 'dist', 'main.js')], { cwd: dir, env })
  children.add(child)
  child.once('exit', () => children.delete(child))
  let output = ''
  child.stdout.on('data', (text: Buffer) => (output += text.toString()))
  child.stderr.on('data', (text: Buffer) => (output += text.toString()))
  const url = await addressOf(child, () => output)
  let next: GatewayProcess | undefined
  const stop = (signal: NodeJS.Signals = 'SIGINT') => next?.stop(signal) ?? ended(child, signal)
  return {
    ...{ url, dir, adminKey: ADMIN_KEY, process: child, output: () => output, stop },
    user: (account, credits) => newUser(url, account, credits),
    issue: (args) => issueKey(args, { cwd: dir, env }),
    restart: async () => (next = await startGateway({ ...options, dir })),
    async close() {
      await stop()
      fs.rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A busy machine makes any event loop late: only tests about that have it refuse requests. */
const unhurried = (config: string): string =>
  config.includes('overload:')
    ? config
    : `${config}\noverload: { loop_delay_streams_ms: 0, loop_delay_all_ms: 0 }\n`

async function newUser(url: string, account: string, credits: string): Promise<Issued> {
  const { status, body } = await raw({
    ...{ url, key: ADMIN_KEY, path: '/admin/keys' },
    body: JSON.stringify({ type: 'user', account, credits }),
  })
  if (status !== 201) throw new Error(`no key for ${account}: ${body}`)
  return JSON.parse(body) as Issued
}

/** Runs token-gen in a folder, with or without a server on it. */
export async function issueKey(
  args: readonly string[],
  where: { cwd: string; env: Readonly<Record<string, string>> },
): Promise<Issued> {
  const script = path.join(root, 'scripts', 'token-gen.js')
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--json', ...args], where)
  return JSON.parse(stdout) as Issued
}

export const userArgs = (account: string, credits: string): string[] => [
  ...['--type', 'user', '--userName', account, '--token', credits],
]

/** Nothing of the developer's own settings, and a free port. */
export const cleanEnv = (dir: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: dir,
  PORT: '0',
  HOST: '127.0.0.1',
  DB_DIR: path.join(dir, 'db'),
  LOG_DIR: path.join(dir, 'logs'),
  GATEWAY_CONFIG: path.join(dir, 'gateway.yaml'),
})

function addressOf(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', () => {
      const port = /listening on http:\/\/localhost:([0-9]+)/.exec(output())?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    })
    child.once('exit', (code) => {
      reject(new Error(`the gateway ended with ${code}:\n${output()}`))
    })
  })
}

function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => {
    child.once('exit', resolve)
    child.kill(signal)
  })
}
