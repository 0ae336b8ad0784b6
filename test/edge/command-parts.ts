// What docs/DEPLOYMENT.md tells people to type, typed as it stands there.
import fs from 'node:fs'
import path from 'node:path'
import { DOMAINS, type Deployment } from './deployment.ts'
import { commandsOfPage } from './deployment-page.ts'
import { promised, type Part, type Site } from './parts.ts'
import { must, run, until, type Ended } from './shell.ts'

/** What is not typed here, and why. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^git clone/, 'that is how the deployment came to be'],
  [/^(?:docker compose|curl -N)$/, 'a part of a command'],
  [/apt-get|systemctl|\bufw\b|^dig\b|^htpasswd/, 'other programs of the machine'],
  [/docker (?:node|stack)|registry\.your|^set -a/, 'Swarm, and a registry of images'],
  [/linux\/arm64|pull traefik/, 'a builder for two processors, and a registry of images'],
  [/^sudo env DOCKER_HOST/, 'this test is nothing else, with a socket of its own'],
  [/docker-compose\.files\.yml/, 'the part "files"'],
  [/--profile socket-guard/, 'the part "socket-guard"'],
  [/--profile observability/, 'the part "boards"; Grafana itself is not to be had'],
]

/** Those that find something here that is as it should be nowhere else, or whose search may find nothing. */
const MAY_END_WITH_1 = /setup\.sh --check$|scripts\/doctor\.js|\| grep |^grep /
const NEVER_ENDS = /(?:logs|tail) -f/

export const commandParts: readonly Part[] = [
  {
    name: 'commands',
    promise: 'the commands of docs/DEPLOYMENT.md do what they say, as they stand there',
    async see(site) {
      const { deployment } = site
      const all = commandsOfPage()
      const typed = all.filter((command) => !ELSEWHERE.some(([pattern]) => pattern.test(command)))
      const settings = path.join(deployment.dir, '.env')
      const before = fs.readFileSync(settings, 'utf8')
      const type = await terminal(site)
      try {
        for (const command of typed) {
          const { code, stdout } = await type(command)
          const isGood = code === 0 || (code === 1 && MAY_END_WITH_1.test(command))
          promised(isGood, `${command}\nended with ${code}:\n${stdout.slice(-1_500)}`)
          await isBack(deployment)
        }
      } finally {
        fs.writeFileSync(settings, before)
        await deployment.compose(['up', '-d'])
        await isBack(deployment)
      }
      return `${typed.length} of ${all.length} typed; the others need what is not here`
    },
  },
]

const isBack = ({ isHealthy }: Deployment) =>
  until(async () => (await isHealthy('api-gateway-prod')) || undefined, {
    what: 'the gateway back',
    timeoutMs: 180_000,
  })

/**
 * A terminal at the deployment, on a machine where docker is podman, one is root already, and the five domains lead to
 * Traefik.
 */
async function terminal(site: Site): Promise<(command: string) => Promise<Ended>> {
  const { dir, engine, key } = site.deployment
  const bin = path.join(path.dirname(dir), 'bin')
  const ca = path.join(path.dirname(dir), 'ca.pem')
  fs.mkdirSync(bin, { recursive: true })
  fs.writeFileSync(ca, site.ca)
  const here = DOMAINS.map((name) => `--resolve ${name}:443:127.0.0.1`).join(' ')
  const curl = (await must('sh', ['-c', 'command -v curl'])).trim()
  const programs = {
    docker: 'if [ "$1" = compose ]; then shift; exec docker-compose "$@"; fi; exec podman "$@"',
    sudo: 'exec "$@"',
    curl: `exec ${curl} --fail --no-progress-meter --cacert ${ca} ${here} "$@"`,
  }
  for (const [name, text] of Object.entries(programs))
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  const env = { ...engine.env, PATH: `${bin}:${engine.env['PATH'] ?? ''}` }
  const today = new Date()
  const date = [today.getFullYear(), today.getMonth() + 1, today.getDate()]
  const day = date.map((part) => String(part).padStart(2, '0')).join('')
  // The names that a reader puts in the place of those of the page.
  const own = (command: string) =>
    command
      .replaceAll('you@your.domain', 'operator@tollgate.dev')
      .replaceAll('YOUR_USER_TOKEN', key)
      .replaceAll('/etc/tollgate', path.join(path.dirname(dir), 'etc'))
      .replaceAll('/var/run/docker.sock:/', `${engine.env['DOCKER_SOCKET'] ?? ''}:/`)
      .replace(/(backup-\w+)-20261108/g, `$1-${day}`)
  return (command) => {
    const line = NEVER_ENDS.test(command)
      ? `timeout 5 ${own(command)} || [ $? = 124 ]`
      : own(command)
    // A terminal, as those have who type; whatever it asks is answered with yes, and a password is `yes` as well.
    const args = ['--quiet', '--return', '--command', line, '/dev/null']
    return run('script', args, { cwd: dir, env, input: 'yes\nyes\n', timeoutMs: 400_000 })
  }
}
