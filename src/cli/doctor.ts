import path from 'node:path'
import { parseArgs } from 'node:util'
import { readDeployment, type Finding } from './doctor/deployment.ts'
import { examine } from './doctor/examine.ts'

const HELP = `node scripts/doctor.js [options]

Looks at a deployment of docker-compose.prod.yml as one who is called because it does not work: its .env, gateway.yaml,
folders and certificates, the containers, the six names and what they answer. For each thing that is wrong it says what to
do. It changes nothing and shows no secret. Where there is no Node, it runs in the gateway's image:

  docker run --rm --user 0 --network host -v "$PWD:/deployment:ro" -v /var/run/docker.sock:/var/run/docker.sock:ro \\
    tollgate-api-gateway:local scripts/doctor.js --dir /deployment

  --dir DIR              the folder of the deployment (.)
  --offline              only read: ask neither the engine nor name servers nor Traefik
  --at HOST:PORT:PORT    where Traefik is, for https and http (127.0.0.1:443:80)
  --socket FILE          the engine's socket (DOCKER_SOCKET, /var/run/docker.sock)
  --json                 {"ok", "checked", "findings": [{"check", "severity", "message", "fix"}]}
  --help                 this text

Ends with 0 when there is no error (there may be warnings), else with 1.
`

const OPTIONS = {
  dir: { type: 'string', default: '.' },
  offline: { type: 'boolean', default: false },
  at: { type: 'string', default: '127.0.0.1:443:80' },
  socket: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

const { values } = parseArgs({ options: OPTIONS })
if (values.help) process.stdout.write(HELP)
else await main()

async function main(): Promise<void> {
  const deployment = readDeployment(path.resolve(values.dir), {
    at: values.at,
    socket: values.socket,
  })
  const checked: string[] = []
  const findings: Finding[] = []
  for await (const { what, found } of examine(deployment, { isOffline: values.offline })) {
    checked.push(what)
    findings.push(...found)
    if (!values.json) process.stdout.write(pageOf(what, found))
  }
  const ok = findings.every(({ severity }) => severity !== 'error')
  if (values.json) process.stdout.write(`${JSON.stringify({ ok, checked, findings })}\n`)
  process.exitCode = ok ? 0 : 1
}

function pageOf(what: string, found: readonly Finding[]): string {
  if (found.length === 0) return `ok       ${what}\n`
  return found
    .map(
      ({ severity, message, fix }) =>
        `${severity.toUpperCase().padEnd(8)} ${what}: ${message}\n         fix: ${fix}\n`,
    )
    .join('')
}
