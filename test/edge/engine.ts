// A container engine of our own: podman with its storage in a scratch folder, and the Docker API on a socket.
import { spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { must, run, until } from './shell.ts'

export type Engine = Readonly<{
  env: Readonly<Record<string, string>>
  podman: (args: readonly string[], timeoutMs?: number) => Promise<string>
  /** Ends the service and the containers that are left. */
  stop: () => Promise<void>
}>

/** Programs without which nothing goes, and the packages of Debian that have them. */
const NEEDED = {
  podman: 'podman',
  runc: 'runc',
  iptables: 'iptables',
  catatonit: 'catatonit',
  'docker-compose': 'docker-compose',
  pebble: 'pebble',
  'pebble-challtestsrv': 'pebble',
  debootstrap: 'debootstrap',
  openssl: 'openssl',
  prometheus: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
} as const

/** Why it cannot run here, or undefined. */
export async function missing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0)
    return 'it makes networks and opens ports 80 and 443: run it as root'
  const absent = new Set<string>()
  for (const [program, name] of Object.entries(NEEDED)) {
    const { code } = await run('sh', ['-c', `command -v ${program}`])
    if (code !== 0) absent.add(name)
  }
  if (!fs.existsSync('/usr/lib/podman/netavark')) absent.add('netavark')
  if (!fs.existsSync('/usr/lib/podman/aardvark-dns')) absent.add('aardvark-dns')
  if (absent.size === 0) return undefined
  return `these are missing: apt-get install --no-install-recommends ${[...absent].join(' ')}`
}

export async function startEngine(cache: string): Promise<Engine> {
  const socket = path.join(cache, 'podman.sock')
  fs.mkdirSync(cache, { recursive: true })
  fs.rmSync(socket, { force: true })
  fs.writeFileSync(path.join(cache, 'storage.conf'), storageConf(cache))
  fs.writeFileSync(path.join(cache, 'containers.conf'), CONTAINERS_CONF)
  const env = {
    ...(process.env as Record<string, string>),
    CONTAINERS_STORAGE_CONF: path.join(cache, 'storage.conf'),
    CONTAINERS_CONF: path.join(cache, 'containers.conf'),
    BUILDAH_FORMAT: 'docker', // the other format has no HEALTHCHECK
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_SOCKET: socket,
    TRAEFIK_SOCKET: socket,
    DOCKER_BUILDKIT: '0',
    COMPOSE_PROJECT_NAME: 'tollgate-edge',
  }
  const podman = (args: readonly string[], timeoutMs = 120_000) =>
    must('podman', args, { env, timeoutMs })
  await podman(['rm', '--all', '--force', '--time', '0'])
  await podman(['volume', 'prune', '--force'])
  const service = spawn('podman', ['system', 'service', '--time', '0', `unix://${socket}`], {
    env,
    stdio: 'ignore',
  })
  await until(() => Promise.resolve(fs.existsSync(socket) || undefined), { what: 'the engine' })
  return { env, podman, stop: () => stop(service, podman) }
}

async function stop(service: ChildProcess, podman: Engine['podman']): Promise<void> {
  await podman(['rm', '--all', '--force', '--time', '0'])
  await podman(['network', 'prune', '--force'])
  await podman(['volume', 'prune', '--force'])
  service.kill('SIGTERM')
}

const storageConf = (cache: string): string => `[storage]
driver = "${process.env['EDGE_STORAGE_DRIVER'] ?? 'overlay'}"
runroot = "${cache}/run"
graphroot = "${cache}/graph"
`

// No systemd here, and no limits above those of this process.
const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
`
