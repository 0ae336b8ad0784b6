import fs from 'node:fs'
import path from 'node:path'
import type { Environment } from '../../config/config.ts'
import { readEnvFile } from '../../config/env-file.ts'

export type Finding = Readonly<{
  check: string
  severity: 'error' | 'warning'
  message: string
  fix: string
}>

/** What is known of a deployment before anything is asked. */
export type Deployment = Readonly<{
  dir: string
  /** `.env` as it stands there, and as compose understands it; undefined when there is none. */
  envText: string | undefined
  env: Environment
  domains: readonly string[]
  dashboard: string
  /** Where Traefik is looked for. */
  at: Readonly<{ host: string; port: number; httpPort: number }>
  /** Of the container engine. */
  socket: string
}>

const DEFAULT_DOMAINS = [
  'api.deep.assistant.run.place',
  'api-deep-assistant.mooo.com',
  'api-deep-assistant.yee.pw',
  'assistant.yee.pw',
  'api-deep-assistant.duckdns.org',
]
const DEFAULT_DASHBOARD = 'traefik.api.deep.assistant.run.place'
const DEFAULT_SOCKET = '/var/run/docker.sock'

export function readDeployment(
  dir: string,
  options: Readonly<{ at: string; socket: string | undefined }>,
): Deployment {
  const envText = textIn(dir, '.env')
  const env = envText === undefined ? {} : readEnvFile(envText)
  const [host = '127.0.0.1', port = '443', httpPort = '80'] = options.at.split(':')
  return {
    ...{ dir, envText, env },
    domains: DEFAULT_DOMAINS.map((domain, at) => env[`DOMAIN${at + 1}`] || domain),
    dashboard: env['DASHBOARD_DOMAIN'] || DEFAULT_DASHBOARD,
    at: { host: host || '127.0.0.1', port: Number(port), httpPort: Number(httpPort) },
    socket: options.socket ?? (env['DOCKER_SOCKET'] || DEFAULT_SOCKET),
  }
}

export function textIn(dir: string, name: string): string | undefined {
  try {
    return fs.readFileSync(path.join(dir, name), 'utf8')
  } catch {
    return undefined // absent or closed to us: whoever asks says what that means
  }
}

export const statIn = (dir: string, name: string): fs.Stats | undefined =>
  fs.statSync(path.join(dir, name), { throwIfNoEntry: false })

export const asError = (check: string, message: string, fix: string): Finding => ({
  ...{ check, severity: 'error', message, fix },
})

export const asWarning = (check: string, message: string, fix: string): Finding => ({
  ...{ check, severity: 'warning', message, fix },
})
