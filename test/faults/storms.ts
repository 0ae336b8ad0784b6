// Providers in trouble while callers go on: a flapping one, a storm of limits, an outage of all but one. What is lost that
// could be had, how many calls it took, and what others felt of it.
import assert from 'node:assert/strict'
import { startFaultProvider, type FaultProvider } from '../fault-provider/fault-provider.ts'
import { startGateway } from '../support/gateway-process.ts'
import { checkInvariants } from '../support/invariants.ts'
import { planted } from '../support/planted.ts'
import { markedChat, raw, type RawAnswer } from '../support/raw.ts'
import { warmBaseOf } from '../support/returned.ts'

export type Storm = Readonly<{ seconds: number; onStorm?: (name: string) => void }>

type Weather = Readonly<{
  answers: number
  lost: number
  callsPerRequest: number
  calmP50Ms: number
  calmP99Ms: number
}>

const CALLERS = 20
const CALM_CALLERS = 4
/** Between two calls of a caller: refusals come at once, and a storm of them is not to be more load than answers are. */
const PACE_MS = 20

/** The models, each with providers of its own, in the order in which they are asked. */
const PLACES = {
  unsaid: ['answer?usage=none'],
  calm: ['answer?delay=20'],
  /** As many callers as in a storm, and nothing wrong: what others feel of a storm is compared with this. */
  busy: ['answer?chunks=3'],
  flapping: ['answer?flap=9', 'answer?chunks=3'],
  limited: ['answer?status=429&retry_after=2', 'answer?status=429&retry_after=3'],
  outage: ['answer?leaves=1', 'answer?leaves=2', 'answer?chunks=3'],
} as const
type Name = keyof typeof PLACES

export async function runStorms({ seconds, onStorm }: Storm): Promise<Record<string, Weather>> {
  const upstream = await startFaultProvider()
  const leaving = await startFaultProvider()
  const gateway = await startGateway({ config: configOf(upstream, leaving), env: planted() })
  try {
    const { key } = await gateway.user('user', '1000000000')
    const { url } = gateway
    const ask = (model: Name) => raw({ url, key, body: markedChat(model) })
    const base = await warmBaseOf(gateway, () => ask('unsaid'))
    const found: Record<string, Weather> = {}
    for (const name of ['calm', 'busy', 'flapping', 'limited', 'outage'] as const) {
      onStorm?.(name)
      found[name] = await storm({ name, seconds, ask, upstream, leaving })
    }
    await checkInvariants({ gateway, upstreams: [], secrets: ['storm-secret', key], base }, [])
    for (const name of ['flapping', 'outage']) assert.equal(found[name]?.lost, 0, `${name}: lost`)
    assert.ok(
      (found['limited']?.callsPerRequest ?? 9) <= 1.1,
      'the storm of limits: too many calls',
    )
    return found
  } finally {
    await gateway.close()
    await upstream.close()
  }
}

type Storming = Readonly<{
  name: Name
  seconds: number
  ask: (model: Name) => Promise<RawAnswer>
  upstream: FaultProvider
  leaving: FaultProvider
}>

async function storm({ name, seconds, ask, upstream, leaving }: Storming): Promise<Weather> {
  const seen = upstream.journal.length + leaving.journal.length
  const statuses: number[] = []
  const calmMs: number[] = []
  let isOver = false
  const caller = async () => {
    while (!isOver) {
      statuses.push((await ask(name)).status)
      await pause(PACE_MS)
    }
  }
  const calmCaller = async () => {
    while (!isOver) {
      const begun = performance.now()
      assert.equal((await ask('calm')).status, 200, 'a caller of another provider was refused')
      calmMs.push(performance.now() - begun)
    }
  }
  const callers = [
    ...Array.from({ length: name === 'calm' ? 0 : CALLERS }, caller),
    ...Array.from({ length: CALM_CALLERS }, calmCaller),
  ]
  await pause(500 * seconds)
  if (name === 'outage') await leaving.close()
  await pause(500 * seconds)
  isOver = true
  await Promise.all(callers)
  const calls = upstream.journal.length + leaving.journal.length - seen - calmMs.length
  calmMs.sort((a, b) => a - b)
  const at = (share: number) => Math.round(calmMs[Math.floor(calmMs.length * share)] ?? 0)
  return {
    ...{ answers: statuses.length, lost: statuses.filter((status) => status !== 200).length },
    callsPerRequest: Math.round((100 * calls) / Math.max(1, statuses.length)) / 100,
    ...{ calmP50Ms: at(0.5), calmP99Ms: at(0.99) },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function configOf(upstream: FaultProvider, leaving: FaultProvider): string {
  const places = Object.entries(PLACES).flatMap(([name, models]) =>
    models.map((model, at) => ({ name, model, id: `${name}-${at}` })),
  )
  const addressOf = (model: string) => (model.includes('leaves') ? leaving : upstream).baseUrl
  return `accounting: { credits_per_usd: 1000000, default_max_output: 100 }
limits: { key_in_flight_max: 0, account_in_flight_max: 0 }
tiers: { free: { requests_per_minute: 0 } }
resilience: { breaker_open_ms: 500 }
providers:
${places.map(({ id, model }) => `  - { id: ${id}, protocol: openai, base_url: "${addressOf(model)}", api_keys: storm-secret }`).join('\n')}
models:
${Object.keys(PLACES)
  .map(
    (name) => `  - id: ${name}
    price: { input: 2, output: 8 }
    deployments:
${places
  .filter((place) => place.name === name)
  .map(({ id, model }) => `      - { provider: ${id}, model: "${model}" }`)
  .join('\n')}`,
  )
  .join('\n')}
`
}
