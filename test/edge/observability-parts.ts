// The profile observability, run for real: Prometheus asks the gateway and Traefik, and every query of the boards has data.
import fs from 'node:fs'
import path from 'node:path'
import { ask, chat, PROMPT, sdk, withKey } from './client.ts'
import { DOMAINS, type Deployment } from './deployment.ts'
import { promised, type Part, type Site } from './parts.ts'
import { must, until } from './shell.ts'

type Panel = Readonly<{ title: string; targets: readonly Readonly<{ expr: string }>[] }>
type Board = Readonly<{ title: string; panels: readonly Panel[] }>

export const observabilityParts: readonly Part[] = [
  {
    name: 'boards',
    promise:
      'with the profile observability the queries of the seven boards find data, once there is something to see',
    async see(site) {
      const { deployment } = site
      const backup = await deployment.script('backup.sh', ['--no-logs'])
      promised(backup.code === 0, backup.stderr)
      await deployment.compose(['up', '-d', '--no-deps', 'prometheus', 'alertmanager'])
      try {
        const prometheus = await addressOf(deployment, 'prometheus')
        const version = await deployment.engine.podman([
          'exec',
          'traefik-prod',
          'traefik',
          'version',
        ])
        const isThree = /Version:\s+3\./.test(version)
        const all = queriesOf(deployment)
        const queries = all.filter((query) => isAsked(query, isThree))
        const limited = await limitedKey(deployment)
        await seeDiskFull(site)
        const missing = new Set(queries)
        await until(
          async () => {
            await exercise(site, limited)
            for (const query of missing) if (await hasData(prometheus, query)) missing.delete(query)
            return missing.size === 0 || undefined
          },
          { what: 'data for every query', timeoutMs: 150_000 },
        ).catch((error: unknown) => {
          throw new Error([String(error), ...missing].join('\n'))
        })
        return `${queries.length} of ${all.length} queries, by Traefik ${isThree ? 3 : 2}; ${await state(prometheus)}`
      } finally {
        await deployment.compose(['rm', '--stop', '--force', 'prometheus', 'alertmanager'])
      }
    },
  },
]

/** What only the other version of Traefik measures; docs/OBSERVABILITY.md says so. */
const OF_TWO = /traefik_entrypoint_open_connections|traefik_config_reloads_failure_total/
const OF_THREE = /\btraefik_open_connections/
/** The first snapshot is made when 64 MiB of journal are full: some sixty thousand requests. */
const OF_LATER = /api_gateway_snapshot_timestamp_seconds/
const isAsked = (query: string, isThree: boolean) =>
  !OF_LATER.test(query) && !(isThree ? OF_TWO : OF_THREE).test(query)

function queriesOf({ dir }: Deployment): string[] {
  const folder = path.join(dir, 'deploy/grafana/dashboards')
  const boards = fs
    .readdirSync(folder)
    .map((name) => JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8')) as Board)
  const all = boards.flatMap(({ panels }) => panels.flatMap(({ targets }) => targets))
  return [...new Set(all.map(({ expr }) => expr))]
}

async function addressOf({ engine }: Deployment, container: string): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  const address = await engine.podman(['inspect', '--format', format, container])
  return `http://${address.trim()}:9090/api/v1`
}

type Answer<T> = Readonly<{ data: T }>
type Sample = Readonly<{ value: readonly [number, string] }>

async function answerOf<T>(url: string): Promise<T> {
  const answer = await fetch(url)
  return ((await answer.json()) as Answer<T>).data
}

/** A number, that is: a quantile of nothing is none. */
async function hasData(prometheus: string, query: string): Promise<boolean> {
  const url = `${prometheus}/query?query=${encodeURIComponent(query)}`
  const data = await answerOf<{ result: readonly Sample[] } | undefined>(url).catch(() => undefined)
  return (data?.result ?? []).some(({ value }) => Number.isFinite(Number(value[1])))
}

/** All that is looked at answers, all rules can be reckoned, and Alertmanager is there to be told. */
async function state(prometheus: string): Promise<string> {
  type Rules = { groups: { rules: { name: string; health: string; lastError?: string }[] }[] }
  const { activeTargets } = await answerOf<{ activeTargets: { health: string }[] }>(
    `${prometheus}/targets`,
  )
  promised(
    activeTargets.every(({ health }) => health === 'up'),
    JSON.stringify(activeTargets),
  )
  const { groups } = await answerOf<Rules>(`${prometheus}/rules`)
  const rules = groups.flatMap((group) => group.rules)
  const bad = rules.filter(({ health }) => health !== 'ok')
  promised(bad.length === 0, JSON.stringify(bad))
  const { activeAlertmanagers } = await answerOf<{ activeAlertmanagers: unknown[] }>(
    `${prometheus}/alertmanagers`,
  )
  promised(activeAlertmanagers.length === 1, 'Alertmanager is not found')
  return `${activeTargets.length} targets are up, ${rules.length} rules are well`
}

/** A key that may ask once a minute. */
async function limitedKey({ inside }: Deployment): Promise<string> {
  const asked = ['--type', 'user', '--userName', 'slow', '--token', '1000', '--tier', 'slow']
  const made = await inside(['scripts/token-gen.js', ...asked, '--json'])
  return (JSON.parse(made) as { key: string }).key
}

/** A bit of everything that the boards tell of. */
async function exercise({ deployment, ca }: Site, limited: string): Promise<void> {
  const { key } = deployment
  const [host] = DOMAINS
  const path = '/v1/chat/completions'
  const post = (model: string, { as = key, isStream = false } = {}) =>
    ask({ host, path, method: 'POST', headers: withKey(as), body: chat(model, isStream), ca })
  const { ADMIN_FIRST: master = '' } = deployment.settings()
  await Promise.all([
    ...['gpt-4o', 'cached', 'failing', 'limited'].map((model) => post(model, { isStream: true })),
    ...['narrow', 'narrow', 'narrow'].map((model) => post(model)),
    // An answer that breaks off breaks off here, too.
    post('cut', { isStream: true }).catch(() => undefined),
    leave({ host, key, ca }),
    ...[limited, limited].map((as) => post('gpt-4o', { as })),
    ...[`${key}x`, master].map((as) => post('gpt-4o', { as })),
    ask({ host, path: '/wp-login.php', ca }),
    ask({ host, path: '/v1/models', headers: withKey(key), ca }),
  ])
}

/** Somebody who goes after the first words of a stream. */
async function leave({ host, key, ca }: { host: string; key: string; ca: string }): Promise<void> {
  const messages = [{ role: 'user' as const, content: PROMPT }]
  const wanted = { model: 'stream-20', stream: true as const, messages }
  const stream = await sdk({ host, key, ca }).chat.completions.create(wanted)
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
}

/** For a moment the gateway's files may not grow, as on a full disk: requests are refused, and served again afterwards. */
async function seeDiskFull({ deployment, ca }: Site): Promise<void> {
  const inspect = ['inspect', '--format', '{{.State.Pid}}', 'api-gateway-prod']
  const init = (await deployment.engine.podman(inspect)).trim()
  const node = fs.readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim()
  // As the gateway's own user: who is not the same needs a right that even root may lack.
  const user = ['--reuid', '65532', '--regid', '65532', '--clear-groups']
  const limit = (bytes: string) =>
    must('setpriv', [...user, 'prlimit', '--pid', node, `--fsize=${bytes}:`])
  const { key } = deployment
  const [host] = DOMAINS
  const asking = { path: '/v1/chat/completions', method: 'POST', headers: withKey(key), ca }
  const status = async () => (await ask({ host, ...asking, body: chat('gpt-4o') })).status
  await limit('1')
  try {
    const refused = await status()
    promised(refused === 503, `on a full disk a request is answered ${refused}`)
  } finally {
    await limit('unlimited')
  }
  await until(async () => (await status()) === 200 || undefined, { what: 'a request served again' })
}
