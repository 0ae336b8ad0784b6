import type { ProviderStates } from '../admin/provider-states.ts'
import type { Action, Resource } from './resource.ts'
import { table } from './table.ts'

type ProviderJson = ReturnType<ProviderStates['view']>[number]

const switching = (state: 'on' | 'off', does: string): Action => ({
  usage: `providers ${state} PROVIDER [--key-number N | --deployment ID]`,
  does,
  options: {
    'key-number': { value: 'N', does: 'this one of its keys alone, counted from 1' },
    deployment: { value: 'ID', does: 'this deployment alone' },
  },
  words: ['provider'],
  needed: 1,
  async run({ provider, deployment, 'key-number': key }, ask) {
    const wish = {
      ...{ provider, state },
      ...(key !== undefined && { key_number: Number(key) }),
      ...(deployment !== undefined && { deployment }),
    }
    const now = (await ask('switch-provider', wish)) as ProviderJson
    return { json: now, text: listed([now]) }
  },
})

export const providers: Resource = {
  does: 'providers, their keys and deployments: how they are, and whether they are asked',
  actions: {
    list: {
      usage: 'providers list',
      does: 'Lists deployments by provider and key, and says of those that are not asked why, and until when.',
      options: {},
      words: [],
      needed: 0,
      async run(_given, ask) {
        const all = (await ask('list-providers', {})) as readonly ProviderJson[]
        return { json: all, text: listed(all) }
      },
    },
    off: switching('off', 'Takes a provider out of use, until it is switched on again.'),
    on: switching(
      'on',
      'Takes a provider back into use, and forgets what was held against it: cooldowns, open breakers, refused keys.',
    ),
  },
}

const listed = (all: readonly ProviderJson[]): string =>
  table(
    ['PROVIDER', 'KEY', 'DEPLOYMENT', 'STATE', 'AGAIN IN', 'IN FLIGHT', 'FIRST TOKEN', 'REASON'],
    all.flatMap(({ id, deployments }) =>
      deployments.map((one) => [
        ...[id, String(one.key_number), one.id, one.state, secondsOf(one.retry_in_ms)],
        `${one.in_flight}${one.in_flight_max === null ? '' : ` of ${one.in_flight_max}`}`,
        one.first_byte_ms === null ? '' : `${one.first_byte_ms} ms`,
        one.reason ?? '',
      ]),
    ),
  )

const secondsOf = (ms: number | null): string => (ms === null ? '' : `${Math.ceil(ms / 1_000)} s`)
