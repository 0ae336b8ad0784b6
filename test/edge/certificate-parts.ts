import { certificateOf, ask, askPlain } from './client.ts'
import { DASHBOARD, DOMAINS, IMAGE, PASSWORD } from './deployment.ts'
import { promised, type Part, type Site } from './parts.ts'
import { until } from './shell.ts'

/** The third domain's name cannot be resolved while the deployment starts. */
export const BROKEN = DOMAINS[2]
const GOOD = [...DOMAINS.filter((name) => name !== BROKEN), DASHBOARD]

export const certificateParts: readonly Part[] = [
  {
    name: 'containers',
    promise: 'two containers run, healthy, and the gateway is what was built here',
    async see({ deployment }) {
      await until(async () => (await deployment.isHealthy('traefik-prod')) || undefined, {
        what: 'a healthy Traefik',
      })
      const names = (await deployment.engine.podman(['ps', '--format', '{{.Names}}']))
        .trim()
        .split('\n')
      promised(
        names.toSorted().join() === 'api-gateway-prod,traefik-prod',
        `running: ${names.join()}`,
      )
      const { podman } = deployment.engine
      const runs = await podman(['inspect', '--format', '{{.Image}}', 'api-gateway-prod'])
      const built = await podman(['image', 'inspect', '--format', '{{.Id}}', IMAGE])
      promised(runs === built, `the gateway is of the image ${runs}, and ${built} was built`)
      return names.join(', ')
    },
  },
  {
    name: 'broken-domain',
    promise: 'a domain that cannot be validated leaves the others their certificates',
    async see(site) {
      for (const name of GOOD) await trusted(site, name)
      const { isTrusted } = await certificateOf(BROKEN, site.ca)
      promised(!isTrusted, `${BROKEN} has a certificate though its name is broken`)
      return `${GOOD.length} certificates; ${BROKEN} has none`
    },
  },
  {
    name: 'certificates',
    promise: 'six certificates, each for its own name, once the sixth is healed',
    async see(site) {
      await site.deployment.authority.healName(BROKEN)
      await site.deployment.compose(['restart', '-t', '10', 'traefik'])
      const serials = new Set<string>()
      for (const name of [...DOMAINS, DASHBOARD]) {
        const { names, serial } = await trusted(site, name)
        promised(names === `DNS:${name}`, `${name} shows ${names}`)
        serials.add(serial)
      }
      promised(serials.size === 6, `${serials.size} certificates`)
      return '6 certificates, 6 serial numbers'
    },
  },
  {
    name: 'kept',
    promise: 'a new Traefik shows the same certificates',
    async see(site) {
      const names = [...DOMAINS, DASHBOARD]
      const before = await Promise.all(names.map((name) => certificateOf(name, site.ca)))
      await site.deployment.compose(['up', '-d', '--force-recreate', '--no-deps', 'traefik'])
      for (const [at, name] of names.entries()) {
        const { serial } = await trusted(site, name)
        promised(serial === before[at]?.serial, `${name} has another certificate`)
      }
      const mode = await site.deployment.engine.podman([
        'run',
        '--rm',
        '--user',
        '0',
        '--entrypoint',
        '/nodejs/bin/node',
        '-v',
        `${site.deployment.dir}/letsencrypt:/l`,
        IMAGE,
        '-p',
        'fs.statSync("/l/acme-test.json").mode.toString(8)',
      ])
      promised(mode.trim() === '100600', `the file of the certificates has the mode ${mode}`)
      return 'six serial numbers as before; the file is for its owner alone'
    },
  },
  {
    name: 'certs.sh',
    promise: 'scripts/certs.sh shows them, and has one issued anew',
    async see(site) {
      const { script } = site.deployment
      const look = async () => {
        const { stdout, code } = await script('certs.sh', ['--json'])
        return { code, rows: JSON.parse(stdout) as { name: string; ok: boolean; days: number }[] }
      }
      const first = await look()
      promised(first.code === 0 && first.rows.length === 6, JSON.stringify(first))
      const soon = String((first.rows[0]?.days ?? 0) + 1)
      const short = await script('certs.sh', ['--days', soon])
      promised(short.code === 1 && short.stdout.includes('ends in'), short.stdout)
      const before = await trusted(site, DOMAINS[3])
      const reissued = await script('certs.sh', ['reissue', DOMAINS[3], '--yes'])
      promised(reissued.code === 0, reissued.stderr)
      const after = await until(
        async () => {
          const now = await certificateOf(DOMAINS[3], site.ca).catch(() => undefined)
          return now?.isTrusted === true && now.serial !== before.serial ? now : undefined
        },
        { what: 'another certificate' },
      )
      return `${first.rows[0]?.days ?? 0} days left; ${DOMAINS[3]} went from ${before.serial.slice(0, 8)}… to ${after.serial.slice(0, 8)}…`
    },
  },
  {
    name: 'redirects',
    promise: 'http leads to https on each of the six names',
    async see() {
      for (const name of [...DOMAINS, DASHBOARD]) {
        await found(async () => (await askPlain({ host: name })).status)
        const { status, location } = await askPlain({ host: name, path: '/v1/models?a=b' })
        promised(
          status === 301 && location === `https://${name}/v1/models?a=b`,
          `${name}: ${status} ${location ?? ''}`,
        )
      }
      const { status } = await askPlain({
        host: DOMAINS[0],
        path: '/v1/chat/completions',
        method: 'POST',
      })
      promised(status === 308, `a POST is answered ${status}`)
      return '301 for GET, 308 for POST'
    },
  },
  {
    name: 'dashboard',
    promise: 'the dashboard is closed without its password and open with it',
    async see({ ca }) {
      const dashboard = (password?: string) => {
        const basic = `Basic ${Buffer.from(`admin:${password ?? ''}`).toString('base64')}`
        return ask({
          host: DASHBOARD,
          path: '/dashboard/',
          ca,
          headers: password === undefined ? {} : { authorization: basic },
        })
      }
      await found(async () => (await dashboard()).status)
      const statuses = [await dashboard(), await dashboard('wrong'), await dashboard(PASSWORD)].map(
        (one) => one.status,
      )
      promised(statuses.join() === '401,401,200', statuses.join())
      return 'without 401, wrong 401, right 200'
    },
  },
]

/** A Traefik that was just started has no route by labels for some seconds, and to itself not before it is healthy. */
const found = (status: () => Promise<number>) =>
  until(async () => (await status()) !== 404 || undefined, { what: 'a route by labels' })

/** Waits for a certificate, which takes a moment after a start. */
async function trusted({ ca }: Site, name: string) {
  return until(
    async () => {
      const shown = await certificateOf(name, ca).catch(() => undefined)
      return shown?.isTrusted === true ? shown : undefined
    },
    { what: `a certificate for ${name}`, timeoutMs: 90_000 },
  )
}
