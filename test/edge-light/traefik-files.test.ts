// deploy/traefik: the files say what the flags and labels of docker-compose.prod.yml say, where both say something.
import { parse } from 'yaml'
import { expect, test } from 'vitest'
import { pairsOf, readCompose, textOf } from '../support/compose-file.ts'

const REQUIRED = { LETSENCRYPT_EMAIL: 'ops@tollgate.dev', TRAEFIK_DASHBOARD_USERS: 'ops:$2y$05$x' }
const compose = readCompose(REQUIRED)
const overlay = readCompose(REQUIRED, 'deploy/traefik/docker-compose.files.yml')
const ENV: Readonly<Record<string, string>> = {
  ...compose.services['traefik']?.environment,
  ...overlay.services['traefik']?.environment,
}

/** As flags would say it: `{ webSecure: { address: x } }` → `websecure.address` = `x`. */
function flatten(value: unknown, at = ''): [string, string][] {
  if (Array.isArray(value)) return [[at, value.join(',')]]
  if (typeof value !== 'object' || value === null) return [[at, String(value)]]
  const entries = Object.entries(value)
  if (entries.length === 0) return [[at, 'true']]
  return entries.flatMap(([key, one]) =>
    flatten(one, `${at}${at === '' ? '' : '.'}${key.toLowerCase()}`),
  )
}

/** Our templates, filled in: two kinds of loops and one of values are all that they have. */
function render(name: string): unknown {
  const text = textOf(name)
    .replace(
      /^ *# \{\{ range \$n := list 1 2 3 4 5 \}\}\n([^]*?)^ *# \{\{ end \}\}\n/gm,
      (_, body: string) =>
        [1, 2, 3, 4, 5]
          .map((n) =>
            body
              .replaceAll('{{ $n }}', `${n}`)
              .replaceAll('(printf "DOMAIN%d" $n)', `"DOMAIN${n}"`),
          )
          .join(''),
    )
    .replace(
      /^ *# \{\{ range splitList "," \(env "(\w+)"\) \}\}\n([^]*?)^ *# \{\{ end \}\}\n/gm,
      (_, variable: string, body: string) =>
        (ENV[variable] ?? '')
          .split(',')
          .map((one) => body.replace('{{ . }}', () => one))
          .join(''),
    )
    .replace(
      /\{\{ env "(\w+)" \}\}/g,
      (_, variable: string) => ENV[variable] ?? `(${variable} is not set)`,
    )
  expect(text).not.toContain('{{')
  return parse(text)
}

test('the static file says what the flags say, but for where routes come from and where http is sent to https', () => {
  const flags = new Map(
    [...pairsOf(compose.services['traefik']?.command ?? [])].map(([name, value]) => [
      name.replace(/^--/, ''),
      value,
    ]),
  )
  const file = new Map(flatten(parse(textOf('deploy/traefik/traefik.yml'))))
  const own =
    /^(?:providers\.|entrypoints\.web\.http\.|certificatesresolvers\.letsencrypt\.acme\.email)/
  const isSwitch = ([name, value]: [string, string]) =>
    value === 'true' && [...file.keys()].some((key) => key.startsWith(`${name}.`))
  const said = (pairs: ReadonlyMap<string, string>) =>
    Object.fromEntries(
      [...pairs]
        .map(([name, value]): [string, string] => [
          name.toLowerCase(),
          name.endsWith('buckets') ? value.split(',').map(Number).join() : value,
        ])
        .filter((pair) => !own.test(pair[0]) && !isSwitch(pair)),
    )
  expect(said(file)).toEqual(said(flags))
  expect(file.get('entrypoints.web.http.redirections.entrypoint.to')).toBe('websecure')
})

type Routes = Readonly<{
  http: {
    routers: Record<
      string,
      { rule: string; service: string; middlewares: string[]; tls: { certResolver: string } }
    >
  }
}>

test('each domain has a router with a certificate of its own, in both variants', () => {
  for (const [file, name] of [
    ['dynamic/routers.yml', 'api-gateway-domain'],
    ['edge/waiting.yml', 'waiting-domain'],
  ] as const) {
    const { routers } = (render(`deploy/traefik/${file}`) as Routes).http
    for (const n of [1, 2, 3, 4, 5]) {
      expect(routers[`${name}${n}`]).toMatchObject({
        rule: `Host(\`${ENV[`DOMAIN${n}`] ?? ''}\`)`,
        service: 'api-gateway',
        tls: { certResolver: 'letsencrypt' },
      })
    }
  }
})

test('every middleware and service that a router of the files names is there', () => {
  const parts = ['routers', 'middlewares', 'services'].map(
    (name) => render(`deploy/traefik/dynamic/${name}.yml`) as { http: Record<string, object> },
  )
  const [routers, middlewares, services] = ['routers', 'middlewares', 'services'].map(
    (kind, at) => parts[at]?.http[kind] ?? {},
  )
  for (const router of Object.values((routers ?? {}) as Routes['http']['routers'])) {
    for (const name of router.middlewares) expect(middlewares).toHaveProperty(name)
    if (router.service !== 'api@internal') expect(services).toHaveProperty(router.service)
  }
})

test('while the gateway is away requests wait as long in both variants', () => {
  type Waiting = { http: { middlewares: { waiting: unknown } } }
  const [one, other] = ['edge/waiting.yml', 'dynamic/middlewares.yml'].map(
    (name) => (render(`deploy/traefik/${name}`) as Waiting).http.middlewares.waiting,
  )
  expect(one).toEqual(other)
})

test('the routes that wait come after those of the labels', () => {
  const { routers } = (
    render('deploy/traefik/edge/waiting.yml') as {
      http: { routers: Record<string, { priority: number }> }
    }
  ).http
  expect(new Set(Object.values(routers).map(({ priority }) => priority))).toEqual(new Set([1]))
})
