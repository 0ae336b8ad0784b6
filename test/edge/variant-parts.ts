// The same deployment, run in the other ways that it offers.
import fs from 'node:fs'
import path from 'node:path'
import { ask, askPlain, certificateOf, sdk } from './client.ts'
import { DASHBOARD, DOMAINS, IMAGE, PASSWORD } from './deployment.ts'
import { promised, type Part, type Site } from './parts.ts'
import { run, until } from './shell.ts'

export const variantParts: readonly Part[] = [
  {
    name: 'update',
    promise:
      'scripts/update.sh exchanges the gateway, and goes back when the new one does not start',
    async see({ deployment: { script, engine, dir, compose } }) {
      const asked = async (format: string, name: string) =>
        (await engine.podman(['inspect', '--format', format, name])).trim()
      const idOf = () => asked('{{.Image}}', 'api-gateway-prod')
      const edge = () => asked('{{.Id}}', 'traefik-prod')
      const [first, edgeBefore] = [await idOf(), await edge()]
      // An image that is there is not built again by the stand-in, so the two that matter are made here.
      const stages = path.join(dir, 'Dockerfile')
      const whole = fs.readFileSync(stages, 'utf8')
      try {
        fs.writeFileSync(stages, `FROM ${IMAGE}\nLABEL edge=good\n`)
        const good = await script('update.sh', ['--no-pull', '--wait', '60', '--json'])
        promised(good.code === 0 && good.stdout.includes('"updated":true'), good.stderr.slice(-500))
        const second = await idOf()
        promised(second !== first, 'the gateway was not exchanged')
        fs.writeFileSync(stages, `FROM ${IMAGE}\nCMD ["-e", "process.exit(1)"]\n`)
        const bad = await script('update.sh', ['--no-pull', '--wait', '15', '--json'])
        promised(
          bad.code === 1 && bad.stdout.includes('"rolledBack":true'),
          `${bad.code} ${bad.stdout} ${bad.stderr.slice(-500)}`,
        )
        promised((await idOf()) === second, 'the gateway is not the one before')
        fs.writeFileSync(stages, `FROM ${IMAGE}\nLABEL edge=better\n`)
        const better = await script('update.sh', ['--no-pull', '--no-backup', '--json'])
        promised(better.code === 0, better.stderr.slice(-500))
        promised((await idOf()) !== second, 'after a way back nothing new comes any more')
      } finally {
        fs.writeFileSync(stages, whole)
      }
      // Version 2 of compose knows networks by their ids, and podman's list of containers has names in their place: of the two
      // together every container is made anew each time.
      const isVersion1 = /version v?1\./i.test(await compose(['version']))
      promised(!isVersion1 || (await edge()) === edgeBefore, 'Traefik was exchanged, too')
      return 'a good one serves, a bad one is taken back, and a better one serves after that'
    },
  },
  {
    name: 'doctor',
    promise:
      'scripts/doctor.js, in the image, finds nothing wrong with the deployment but what only this test does',
    async see({ deployment: { engine, dir } }) {
      const mounts = [
        '-v',
        `${dir}:/deployment:ro`,
        '-v',
        `${engine.env['DOCKER_SOCKET'] ?? ''}:/var/run/docker.sock:ro`,
      ]
      const args = ['run', '--rm', '--user', '0', '--network', 'host', ...mounts, IMAGE]
      const { stdout } = await run(
        'podman',
        [
          ...args,
          'scripts/doctor.js',
          '--dir',
          '/deployment',
          '--socket',
          '/var/run/docker.sock',
          '--json',
        ],
        { env: engine.env },
      )
      const { findings } = JSON.parse(stdout) as { findings: { check: string; message: string }[] }
      // Nobody but Pebble resolves these names and trusts its certificates.
      const others = findings.filter(
        ({ check, message }) => check !== 'names' && !message.includes('not trusted'),
      )
      promised(others.length === 0, JSON.stringify(others))
      return `${findings.length} findings, of the names and the authority of this test`
    },
  },
  {
    name: 'socket-guard',
    promise: 'with the profile socket-guard Traefik finds its routes and nobody reads a secret',
    async see(site) {
      const { deployment } = site
      const env = path.join(deployment.dir, '.env')
      const before = fs.readFileSync(env, 'utf8')
      fs.appendFileSync(env, 'TRAEFIK_SOCKET=/dev/null\nDOCKER_ENDPOINT=tcp://socket-guard:2375\n')
      // What the process has goes before .env.
      const engine = { ...deployment.engine.env }
      delete engine['TRAEFIK_SOCKET']
      const compose = (args: readonly string[]) =>
        run(
          'docker-compose',
          ['-f', 'docker-compose.prod.yml', '--profile', 'socket-guard', ...args],
          { cwd: deployment.dir, env: engine },
        )
      try {
        const up = await compose(['up', '-d'])
        promised(up.code === 0, up.stderr)
        await routed(site)
        const probe = `const ask = async (path, method = 'GET') => { const answer = await fetch('http://127.0.0.1:2375' + path, { method }); return [answer.status, await answer.text()] }
          const [, list] = await ask('/v1.40/containers/json'); const texts = await Promise.all(JSON.parse(list).map(({ Id }) => ask('/v1.40/containers/' + Id + '/json')))
          console.log(JSON.stringify({ kill: (await ask('/v1.40/containers/api-gateway-prod/kill', 'POST'))[0], images: (await ask('/v1.40/images/json'))[0], text: texts.join() }))`
        const answer = await deployment.engine.podman([
          'exec',
          'socket-guard',
          'node',
          '--input-type=module',
          '-e',
          probe,
        ])
        const { kill, images, text } = JSON.parse(answer) as {
          kill: number
          images: number
          text: string
        }
        promised(kill === 403 && images === 403, `kill ${kill}, images ${images}`)
        promised(text.includes('traefik.enable') && !text.includes('sk-edge'), 'a secret is shown')
        return 'routes are found; a kill is answered 403; environments are left out'
      } finally {
        fs.writeFileSync(env, before)
        await compose(['rm', '--stop', '--force', 'socket-guard'])
        await deployment.compose(['up', '-d'])
        await routed(site)
      }
    },
  },
  {
    name: 'files',
    promise: 'without the socket of the engine, routes from deploy/traefik/dynamic do the same',
    async see(site) {
      const { deployment, ca } = site
      const { dir, authority, compose } = deployment
      const file = path.join(dir, 'deploy/traefik/traefik.yml')
      const text = fs.readFileSync(file, 'utf8')
      // What the page on deployment asks operators to write there.
      const own = text.replace(
        /caServer: .*/,
        `caServer: ${authority.directory}\n      email: operator@tollgate.dev`,
      )
      fs.writeFileSync(file, own.replace('/acme.json', '/acme-test.json'))
      try {
        await compose(['-f', 'deploy/traefik/docker-compose.files.yml', 'up', '-d'])
        await routed(site)
        const shown = await Promise.all(
          [...DOMAINS, DASHBOARD].map((name) => certificateOf(name, ca)),
        )
        promised(
          shown.every(({ isTrusted }) => isTrusted),
          'not all have certificates',
        )
        const { status, location } = await askPlain({ host: DOMAINS[4], path: '/v1/models' })
        promised(
          status === 301 && location === `https://${DOMAINS[4]}/v1/models`,
          `${status} ${location ?? ''}`,
        )
        const closed = await ask({ host: DASHBOARD, path: '/dashboard/', ca })
        const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`
        const open = await ask({
          host: DASHBOARD,
          path: '/api/rawdata',
          ca,
          headers: { authorization },
        })
        promised(closed.status === 401 && open.status === 200, `${closed.status} ${open.status}`)
        promised(
          open.text.includes('api-gateway-domain1@file') && !open.text.includes('@docker'),
          'the routes are not those of the files',
        )
        return 'six certificates, redirects, the dashboard; no route by labels'
      } finally {
        await compose(['up', '-d'])
        await routed(site)
      }
    },
  },
]

/** Waits until the SDK is answered through the first domain. */
async function routed({ deployment: { key }, ca }: Site): Promise<void> {
  const openai = sdk({ host: DOMAINS[0], key, ca })
  await until(
    async () => {
      const answer = await openai.models.list().catch(() => undefined)
      return answer?.data.some(({ id }) => id === 'gpt-4o') === true || undefined
    },
    { what: 'an answer through Traefik', timeoutMs: 90_000 },
  )
}
