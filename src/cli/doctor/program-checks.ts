// What can be said of the two programs by reading their settings: Traefik's version, the gateway's memory and configuration.
import path from 'node:path'
import type { Files } from '../../config/config.ts'
import { diskFiles } from '../../config/disk-files.ts'
import { loadConfig } from '../../config/load-config.ts'
import { asError, asWarning, type Deployment, type Finding } from './deployment.ts'

/** Below this Traefik finds no container with Docker Engine 29: it asks for an API that is gone. */
const TRAEFIK_MIN = [2, 11, 31] as const

export function traefikImage({ env }: Deployment): readonly Finding[] {
  const image = env['TRAEFIK_IMAGE'] ?? ''
  if (image === '' || image.includes('@sha256:')) return []
  const version = /:v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(image)
  if (version === null)
    return [
      asError(
        'traefik_image',
        `${image} names no version, so it may be another one tomorrow`,
        'write one, such as traefik:v2.11.57 or traefik:v3.7',
      ),
    ]
  const parts = [version[1], version[2], version[3] ?? Infinity].map(Number) // v2.11 is the newest of them
  const at = TRAEFIK_MIN.findIndex((least, index) => (parts[index] ?? 0) !== least)
  const isOld = at !== -1 && (parts[at] ?? 0) < (TRAEFIK_MIN[at] ?? 0)
  if (!isOld) return []
  return [
    asError(
      'traefik_image',
      `${image} is too old for Docker Engine 29: every domain would answer 404`,
      'empty TRAEFIK_IMAGE, or take 2.11.31 or newer',
    ),
  ]
}

export function memory({ env }: Deployment): readonly Finding[] {
  const whole = bytesOf(env['GATEWAY_MEMORY'] || '1g')
  const heap = Number(env['GATEWAY_HEAP_MB'] || '768') * 2 ** 20
  if (Number.isNaN(whole) || Number.isNaN(heap))
    return [
      asError('memory', 'GATEWAY_MEMORY or GATEWAY_HEAP_MB is no size', 'write them as 1g and 768'),
    ]
  if (heap <= 0.85 * whole) return []
  return [
    asError(
      'memory',
      'the heap leaves no room in GATEWAY_MEMORY: the kernel would kill the gateway instead of it cleaning up',
      'make GATEWAY_HEAP_MB three quarters of GATEWAY_MEMORY',
    ),
  ]
}

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

function bytesOf(text: string): number {
  const [, number = '', unit = 'b'] = /^(\d+)([bkmg])?b?$/i.exec(text) ?? []
  return number === '' ? NaN : Number(number) * (UNITS[unit.toLowerCase()] ?? 1)
}

/** Everything that would keep the gateway itself from starting, and what is on and useless. */
export function configuration({ dir, env }: Deployment): readonly Finding[] {
  const files: Files = { read: (name) => diskFiles.read(path.resolve(dir, name)) }
  const inContainer = { ...env, GATEWAY_CONFIG: path.join(dir, 'config/gateway.yaml') }
  const loaded = loadConfig({ env: inContainer, files })
  if (!loaded.ok)
    return loaded.problems.map(({ file, line, path: place, message, fix }) => {
      const name = file === 'environment' ? '.env' : path.relative(dir, file)
      return asError(
        'configuration',
        `${name}${line === undefined ? '' : `:${line}`}: ${place} ${message}`,
        fix,
      )
    })
  const { config } = loaded
  const found = config.providers
    .filter(({ baseUrl }) => isThisMachine(baseUrl))
    .map(({ id }) =>
      asError(
        'provider_address',
        `the provider ${id} is at localhost, which inside of a container is the container`,
        'use the address of the machine in the network of Docker, or a container in traefik-network',
      ),
    )
  if (config.isDemo)
    found.push(
      asError(
        'providers',
        'no provider has a key: only the demo answers',
        'put a key into .env, such as OPENAI_API_KEY',
      ),
    )
  if ((env['ADMIN_FIRST'] ?? '') === '' && (env['ADMIN_FIRST_FILE'] ?? '') === '')
    found.push(
      asWarning(
        'master_key',
        'ADMIN_FIRST is not set, so it is made at the first start and stands in the log of the container',
        'run scripts/setup.sh',
      ),
    )
  return found
}

function isThisMachine(address: string): boolean {
  const host = URL.canParse(address) ? new URL(address).hostname : ''
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.') || host === '0.0.0.0'
}
