import type { Health } from './health.ts'

/** What the configuration says of a provider, for everybody with a key: neither its address nor its keys. */
export type RegisteredProvider = Readonly<{
  id: string
  protocol: string
  timeouts: Readonly<{ totalMs: number }>
  probe: Readonly<{ everyMs: number }> | undefined
}>

type Needs = Readonly<{
  health: () => Pick<Health, 'services'>
  providers: () => readonly RegisteredProvider[]
}>

export type Services = ReturnType<typeof registeredServices>

/** All that stands behind this address, under the names of GET /health: parts of the gateway itself, and its providers. */
export const registeredServices =
  ({ health, providers }: Needs) =>
  () => {
    const known = new Map(providers().map((one) => [one.id, one]))
    return Object.entries(health().services).map(([name, healthy]) => ({
      ...{ name, healthy },
      ...viewOf(known.get(name)),
    }))
  }

/** Models are asked for by name under one prefix, whichever provider has them. */
const PREFIX = '/v1'

function viewOf(provider: RegisteredProvider | undefined) {
  if (provider === undefined)
    return {
      ...{ kind: 'gateway', protocol: null, path_prefix: null },
      ...{ auth_required: null, timeout_ms: null, health_check_ms: null },
    }
  const { protocol, timeouts, probe } = provider
  return {
    ...{ kind: 'provider', protocol, path_prefix: PREFIX, auth_required: true },
    ...{ timeout_ms: timeouts.totalMs, health_check_ms: probe?.everyMs ?? null },
  }
}
