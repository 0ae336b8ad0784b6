// What the container engine says of the two containers, asked over its socket.
import http from 'node:http'
import { asError, asWarning, type Deployment, type Finding } from './deployment.ts'

type Version = Readonly<{ ApiVersion?: string }>
type Container = Readonly<{ Id: string; Names: readonly string[]; State: string }>
type Details = Readonly<{
  RestartCount?: number
  State: Readonly<{
    Status: string
    OOMKilled?: boolean
    ExitCode?: number
    Health?: Readonly<{ Status?: string }>
  }>
  NetworkSettings: Readonly<{ Networks?: Readonly<Record<string, unknown>> }>
}>

const NETWORK = 'traefik-network'
/** What Traefik 2.11.57 asks for at least. */
const API_MIN = 40

export async function engine({ socket }: Deployment): Promise<readonly Finding[]> {
  try {
    const version = await ask<Version>(socket, '/version')
    const minor = Number(version.ApiVersion?.split('.')[1] ?? NaN)
    if (minor >= API_MIN) return await containers(socket)
    return [
      asError(
        'engine',
        `the engine speaks API ${version.ApiVersion ?? '?'}, and Traefik needs 1.${API_MIN}`,
        'install Docker Engine 19.03 or newer',
      ),
    ]
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [
      asError(
        'engine',
        `the container engine does not answer at ${socket} (${reason})`,
        'start it (systemctl start docker), run this as somebody who may ask it, or set DOCKER_SOCKET',
      ),
    ]
  }
}

async function containers(socket: string): Promise<readonly Finding[]> {
  const all = await ask<readonly Container[]>(socket, '/containers/json?all=1')
  const found = await Promise.all(
    ['api-gateway', 'traefik'].map(async (service) => {
      const name = `${service}-prod`
      const container = all.find(({ Names }) =>
        Names.some((one) => one.replace(/^\//, '') === name),
      )
      if (container === undefined)
        return [
          asError(
            'containers',
            `${name} is not there`,
            'docker compose -f docker-compose.prod.yml up -d',
          ),
        ]
      return stateOf(name, await ask<Details>(socket, `/containers/${container.Id}/json`))
    }),
  )
  return found.flat()
}

function stateOf(
  name: string,
  { RestartCount = 0, State, NetworkSettings }: Details,
): readonly Finding[] {
  const log = `look at its last words: docker logs --tail 50 ${name}`
  const found: Finding[] = []
  if (State.OOMKilled === true)
    found.push(
      asError(
        'containers',
        `${name} was killed for want of memory`,
        'raise GATEWAY_MEMORY and GATEWAY_HEAP_MB',
      ),
    )
  if (State.Status !== 'running')
    found.push(
      asError(
        'containers',
        `${name} is ${State.Status}${State.ExitCode === 78 ? ': its configuration is invalid' : ` (exit code ${State.ExitCode ?? '?'})`}`,
        log,
      ),
    )
  else if (State.Health?.Status === 'unhealthy')
    found.push(asError('containers', `${name} runs and is unhealthy`, log))
  if (RestartCount > 3)
    found.push(asWarning('containers', `${name} was started again ${RestartCount} times`, log))
  const networks = Object.keys(NetworkSettings.Networks ?? {})
  if (State.Status === 'running' && !networks.includes(NETWORK))
    found.push(
      asError(
        'containers',
        `${name} is in ${networks.join(', ') || 'no network'} and not in ${NETWORK}: Bad Gateway`,
        'docker compose -f docker-compose.prod.yml up -d --force-recreate',
      ),
    )
  return found
}

function ask<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { socketPath, path, headers: { host: 'engine' }, timeout: 5_000 },
      (answer) => {
        let text = ''
        answer.on('data', (piece: Buffer) => (text += piece.toString()))
        answer.on('end', () => {
          try {
            if (answer.statusCode === 200) resolve(JSON.parse(text) as T)
            else reject(new Error(`${path} is answered ${answer.statusCode ?? '?'}`))
          } catch (cause) {
            reject(new Error(`${path} is no JSON`, { cause }))
          }
        })
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')))
    request.on('error', reject)
  })
}
