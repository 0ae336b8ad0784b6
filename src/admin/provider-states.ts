import { z } from 'zod'
import { Failure } from '../domain/failure.ts'
import { formerSwitchName, switchName, type SwitchTarget } from '../domain/switch.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events } from '../ports/events.ts'
import type { Switches } from '../ports/switches.ts'
import type { DeploymentView, ProbeView, TrafficControl } from '../ports/traffic.ts'

const STATE_RULE = 'must be on or off.'

/** POST /admin/providers/{provider}: all of it, one of its keys (counted from 1), or one of its deployments. */
export const switchForm = z
  .strictObject({
    state: z.enum(['on', 'off'], { error: STATE_RULE }).meta({
      description: 'Back in use it also forgets what was held against it',
    }),
    key_number: z.int('must be a number.').optional().meta({ description: 'This key alone' }),
    deployment: z
      .string('must be the id of one.')
      .optional()
      .meta({ description: 'This deployment alone', example: 'openai/gpt-4o' }),
  })
  .refine((said) => said.key_number === undefined || said.deployment === undefined, {
    error: "must not be named together with 'key_number'.",
    path: ['deployment'],
  })
  .transform(({ state, key_number: keyNumber, deployment }): Switch => ({
    isOn: state === 'on',
    ...(keyNumber !== undefined && { keyNumber }),
    ...(deployment !== undefined && { deployment }),
  }))
  .meta({ example: { state: 'off', deployment: 'openai/gpt-4o' } })

type Switch = Readonly<{ isOn: boolean; keyNumber?: number; deployment?: string }>

type Needs = Readonly<{
  traffic: TrafficControl
  switches: Switches
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
      const former = formerSwitchName(target)
      const isFormer = former !== undefined && Array.from(switches.off()).includes(former)
      await switches.set({ target: switchName(target), isOn: wanted.isOn, by: actor })
      if (isFormer) await switches.set({ target: former, isOn: true, by: actor })
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
    const one = known.find((each) => each.keyIndex === keyIndex)
    if (one === undefined) throw notFound('no such key of it')
    return { kind: 'key', provider, keyIndex, keyPrint: one.keyPrint }
  }
  if (deployment === undefined) return { kind: 'provider', provider }
  if (!known.some(({ id }) => id === deployment)) throw notFound('no such deployment of it')
  return { kind: 'deployment', id: deployment }
}

const notFound = (what: string): Failure =>
  new Failure('not_found', `There is ${what}. GET /admin/providers lists them all.`)
