// The boards, the alerts and the page on metrics, held against what a running gateway really shows.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { root } from './support/gateway-process.ts'
import { MESSAGES, openHouse, type Client, type House } from './support/house.ts'
import { scrape, type Scrape } from './support/metrics.ts'
import { askedIn } from './support/promql.ts'

type Rule = Readonly<{ record?: string; alert?: string; expr: string }>
type RuleFile = Readonly<{ groups: readonly Readonly<{ rules: readonly Rule[] }>[] }>
type Panel = Readonly<{ title: string; targets: readonly Readonly<{ expr: string }>[] }>
type Board = Readonly<{ title: string; uid: string; panels: readonly Panel[] }>
type Query = Readonly<{ where: string; expr: string }>

const deploy = (...names: readonly string[]): string => path.join(root, 'deploy', ...names)
const read = (file: string): string => fs.readFileSync(file, 'utf8')
const filesIn = (folder: string): string[] =>
  fs.readdirSync(folder).map((name) => path.join(folder, name))

const boards = filesIn(deploy('grafana', 'dashboards')).map(
  (file) => JSON.parse(read(file)) as Board,
)
const rules = filesIn(deploy('prometheus', 'rules')).flatMap((file) =>
  (parse(read(file)) as RuleFile).groups.flatMap((group) => group.rules),
)
const queries: readonly Query[] = [
  ...boards.flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      panel.targets.map(({ expr }) => ({ where: `${title}: ${panel.title}`, expr })),
    ),
  ),
  ...rules.map(({ alert, record, expr }) => ({ where: alert ?? record ?? '', expr })),
]

/** The rows of the page: each metric and its labels. */
const page = read(path.join(root, 'docs', 'OBSERVABILITY.md'))
const GEN_AI = [
  ...['gen_ai_operation_name', 'gen_ai_provider_name'],
  ...['gen_ai_request_model', 'gen_ai_response_model'],
]
const documented = new Map(
  [...page.matchAll(/^\| `(\w+)` +\| ([^|]*)\|/gm)].map(([, name = '', cell = '']) => {
    const labels = [...cell.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)
    return [name, name.startsWith('gen_ai_') ? [...GEN_AI, ...labels] : labels] as const
  }),
)
const isOurs = (name: string): boolean => /^(?:api_gateway|gen_ai|nodejs|process)_/.test(name)

const MODELS = {
  plain: ['answer?chunks=4'],
  failing: ['answer?status=500', 'answer?chunks=3'],
  hanging: ['answer?hang'],
}
const SECOND = `
  - id: second
    price: { input: 2, output: 8 }
    hedge: { after_ms: 50, max_extra: 0.1 }
    continue_cut_streams: true
    deployments: [{ provider: fake, model: "answer" }]
`
let house: House
let seen: Scrape
beforeAll(async () => {
  house = await openHouse(MODELS, `${SECOND}limits: { key_in_flight_max: 1 }`)
  const { openai } = await house.client()
  const call = (model: string) => openai.chat.completions.create({ model, messages: MESSAGES })
  for (const model of ['plain', 'failing']) await call(model)
  seen = await whileOneHangs(house, openai, () =>
    expect(call('plain')).rejects.toThrow('requests in flight'),
  )
})
afterAll(() => house.close())

/** A scrape at the end of something that happens while the key has all the requests in flight that it may have. */
async function whileOneHangs(
  { gateway }: House,
  openai: Client['openai'],
  run: () => Promise<unknown>,
): Promise<Scrape> {
  const scraped = () => scrape(gateway.url, gateway.adminKey)
  const leaving = new AbortController()
  const { completions } = openai.chat
  const hanging = completions
    .create({ model: 'hanging', messages: MESSAGES }, { signal: leaving.signal })
    .catch(() => undefined)
  await vi.waitUntil(async () => (await scraped()).sum('api_gateway_in_flight') === 1, WAIT)
  await run()
  leaving.abort()
  await hanging
  return scraped()
}

const WAIT = { timeout: 20_000, interval: 20 }

const types = (): ReadonlyMap<string, string> =>
  new Map(
    [...seen.text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [
      name,
      type,
    ]),
  )
const baseOf = (name: string): string => {
  const base = name.replace(/_(?:bucket|sum|count)$/, '')
  return types().get(base) === 'histogram' || documented.has(base) ? base : name
}

describe('docs/OBSERVABILITY.md', () => {
  test('names every metric that there is, and no other', () => {
    expect([...documented.keys()].filter(isOurs).sort()).toEqual([...types().keys()].sort())
  })

  test('names the labels that they have', () => {
    const labels = new Map<string, string[]>()
    for (const sample of seen.samples) {
      const names = Object.keys(sample.labels).filter((name) => name !== 'le')
      labels.set(baseOf(sample.name), names.sort())
    }
    // Nothing of these may be there to see at this moment.
    const absent = ['nodejs_active_requests', 'nodejs_gc_duration_seconds']
    for (const [name, expected] of documented) {
      if (!isOurs(name) || absent.includes(name) || /_timestamp_seconds$/.test(name)) continue
      expect(labels.get(name), name).toEqual(expected.toSorted())
    }
  })
})

describe('every query', () => {
  const recorded = new Set(rules.flatMap(({ record }) => record ?? []))
  /** What Prometheus and the recording rules add. */
  const ADDED = ['job', 'instance', 'le', 'provider']

  test('names metrics that there are', () => {
    const unknown = queries.flatMap(({ where, expr }) =>
      askedIn(expr)
        .metrics.filter((name) => !recorded.has(name) && !documented.has(baseOf(name)))
        .map((name) => `${where}: ${name}`),
    )
    expect(unknown).toEqual([])
  })

  test('asks for labels that one of its metrics has', () => {
    const unknown = queries.flatMap(({ where, expr }) => {
      const { metrics, labels } = askedIn(expr)
      const known = [...metrics.flatMap((name) => documented.get(baseOf(name)) ?? []), ...ADDED]
      return labels.filter((label) => !known.includes(label)).map((label) => `${where}: ${label}`)
    })
    expect(unknown).toEqual([])
  })

  test('asks for statuses, outcomes and kinds that there can be', () => {
    const words = queries.flatMap(({ expr }) => [
      ...expr.matchAll(/\b(?:outcome|kind|side|service_name)=~?"([^"]*)"/g),
    ])
    const asked = new Set(words.flatMap(([, values = '']) => values.split('|')))
    for (const word of asked) expect(`${page} ${seen.text}`).toContain(word)
  })
})

test('there are the seven boards, each with an address of its own', () => {
  expect(boards.map(({ title }) => title)).toEqual([
    '1 · Overview',
    '2 · Providers',
    '3 · Cost and tokens',
    '4 · Limits and security',
    '5 · Endpoint errors and health',
    '6 · Edge',
    '7 · Runtime',
  ])
  expect(new Set(boards.map(({ uid }) => uid)).size).toBe(boards.length)
})

test('every alert has a test of when it is quiet and when it fires', () => {
  type Tests = Readonly<{
    tests: readonly Readonly<{
      alert_rule_test: readonly Readonly<{ alertname: string; exp_alerts: readonly unknown[] }>[]
    }>[]
  }>
  const cases = filesIn(deploy('prometheus', 'tests')).flatMap((file) =>
    (parse(read(file)) as Tests).tests.flatMap((one) => one.alert_rule_test),
  )
  const alerts = rules.flatMap(({ alert }) => alert ?? [])
  expect(alerts.length).toBeGreaterThanOrEqual(20)
  for (const name of alerts) {
    const own = cases.filter(({ alertname }) => alertname === name)
    expect(
      own.some(({ exp_alerts }) => exp_alerts.length === 0),
      name,
    ).toBe(true)
    expect(
      own.some(({ exp_alerts }) => exp_alerts.length > 0),
      name,
    ).toBe(true)
  }
})

const hasPromtool = spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0

describe.skipIf(!hasPromtool)('promtool (skipped where it is not installed)', () => {
  const run = (args: readonly string[], cwd = root) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8' })
    return { status, output: `${stdout}${stderr}` }
  }

  test('takes the configuration, and sees every alert fire as its test says', () => {
    const config = deploy('prometheus', 'prometheus.yml')
    expect(run(['check', 'config', '--syntax-only', config])).toMatchObject({ status: 0 })
    const tests = deploy('prometheus', 'tests')
    const tested = run(['test', 'rules', ...fs.readdirSync(tests)], tests)
    expect(tested.output).not.toContain('FAILED')
    expect(tested.status).toBe(0)
  })

  test('understands every query of the boards', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tollgate-queries-'))
    const file = path.join(folder, 'queries.json')
    const all = queries.map(({ expr }, at) => ({ record: `query:${at}`, expr }))
    fs.writeFileSync(file, JSON.stringify({ groups: [{ name: 'boards', rules: all }] }))
    const checked = run(['check', 'rules', file])
    fs.rmSync(folder, { recursive: true })
    expect(checked).toMatchObject({ status: 0 })
  })
})
