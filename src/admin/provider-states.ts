import { isObject } from '../domain/chat-request.ts'
import { Failure, invalidRequest } from '../domain/failure.ts'
import { switchName, type SwitchTarget } from '../domain/switch.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Switches } from '../ports/switches.ts'
import type { DeploymentView, ProbeView, TrafficControl } from '../ports/traffic.ts'

/** What an operator wants of a provider, one of its keys (counted from 1), or one of its deployments. */
export type Switch = Readonly<{ isOn: boolean; keyNumber?: number; deployment?: string }>

const FIELDS = ['state', 'key_number', 'deployment']

/** Reads the body of POST /admin/providers/{provider}. */
export function parseSwitch(body: unknown): Switch {
  if (!isObject(body)) throw invalidRequest('Send a JSON object, such as {"state":"off"}.')
  for (const name of Object.keys(body)) {
    if (!FIELDS.includes(name))
      throw invalidRequest(`There is no field '${name}'. Fields: ${FIELDS.join(', ')}.`, name)
  }
  const { state, key_number: keyNumber, deployment } = body
  if (state !== 'on' && state !== 'off') throw invalidRequest("'state' must be on or off.", 'state')
  const isOn = state === 'on'
  if (keyNumber !== undefined && deployment !== undefined) {
    throw invalidRequest("Name a 'key_number' or a 'deployment', not both.", 'deployment')
  }
  if (typeof keyNumber === 'number') return { isOn, keyNumber }
  if (keyNumber !== undefined) throw invalidRequest("'key_number' must be a number.", 'key_number')
  if (typeof deployment === 'string') return { isOn, deployment }
  if (deployment === undefined) return { isOn }
  throw invalidRequest("'deployment' must be the id of one.", 'deployment')
}

type Needs = Readonly<{
  traffic: TrafficControl
  switches: Pick<Switches, 'set'>
  events: Pick<Events, 'notice'>
  clock: Clock
}>

export type ProviderStates = ReturnType<typeof providerStates>

/** The state of providers, their keys and deployments; and the switch that takes one out of use. */
export function providerStates({ traffic, switches, events, clock }: Needs) {
  const view = () => {
    const all = traffic.view()
    const nowTicks = clock.ticksMs()
    return Array.from(new Set(all.map(({ provider }) => provider)), (id) => {
      const own = all.filter(({ provider }) => provider === id)
      const deployments = own.map((one) => deploymentView(one, nowTicks))
      return { id, usable: own.some(isUsable), deployments }
    })
  }
  return {
    view,
    /** Whether each provider can be asked at all. */
    usable: (): Record<string, boolean> =>
      Object.fromEntries(view().map(({ id, usable }) => [id, usable])),
    /** In force at once, and once this resolves, over the next start as well. */
    async switch(provider: string, { actor, ...wanted }: Switch & { actor: string }) {
      const known = traffic.view().filter((one) => one.provider === provider)
      const target = targetOf(provider, wanted, known)
      if (wanted.isOn) traffic.switchOn(target)
      else traffic.switchOff(target)
      await switches.set({ target: switchName(target), isOn: wanted.isOn, by: actor })
      const state = wanted.isOn ? 'on' : 'off'
      events.notice(`an operator switched a ${target.kind} ${state}`, { ...target, actor })
      return view().find(({ id }) => id === provider)
    },
  }
}

const isUsable = ({ state: { kind } }: DeploymentView): boolean =>
  kind === 'ready' || kind === 'probing' || kind === 'full'

function deploymentView(one: DeploymentView, nowTicks: number) {
  const { kind, reason, untilTicks } = one.state
  return {
    ...{ id: one.id, key_number: one.keyIndex + 1, state: kind, reason: reason ?? null },
    retry_in_ms: untilTicks === undefined ? null : Math.max(Math.round(untilTicks - nowTicks), 0),
    ...{ in_flight: one.inFlight, in_flight_max: one.limit ?? null, waiting: one.waiting },
    last_probe: one.probe === undefined ? null : probeView(one.probe),
    first_byte_ms: one.firstByteMs === undefined ? null : Math.round(one.firstByteMs),
  }
}

const probeView = ({ atMs, ms, result, detail }: ProbeView) => ({
  ...{ at: new Date(atMs).toISOString(), ms: Math.round(ms), result, detail: detail ?? null },
})

function targetOf(
  provider: string,
  { keyNumber, deployment }: Switch,
  known: readonly DeploymentView[],
): SwitchTarget {
  if (known.length === 0) throw notFound('no such provider that is on')
  if (keyNumber !== undefined) {
    const keyIndex = keyNumber - 1
    if (!known.some((one) => one.keyIndex === keyIndex)) throw notFound('no such key of it')
    return { kind: 'key', provider, keyIndex }
  }
  if (deployment === undefined) return { kind: 'provider', provider }
  if (!known.some(({ id }) => id === deployment)) throw notFound('no such deployment of it')
  return { kind: 'deployment', id: deployment }
}

const notFound = (what: string): Failure =>
  new Failure('not_found', `There is ${what}. GET /admin/providers lists them all.`)
