import type { Service } from '../domain/service.ts'
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
  services: () => readonly Service[]
}>

export type Services = ReturnType<typeof registeredServices>

/** All that stands behind this address, under the names of GET /health: parts of the gateway itself, its providers, and services behind prefixes. */
export const registeredServices =
  ({ health, providers, services }: Needs) =>
  () => {
    const known = new Map([
      ...providers().map((one) => [one.id, viewOf(one)] as const),
      ...services().map((one) => [one.name, serviceView(one)] as const),
    ])
    return Object.entries(health().services).map(([name, healthy]) => ({
      ...{ name, healthy },
      ...(known.get(name) ?? OWN_PART),
    }))
  }

/** Models are asked for by name under one prefix, whichever provider has them. */
const PREFIX = '/v1'

const OWN_PART = {
  ...{ kind: 'gateway', protocol: null, path_prefix: null },
  ...{ auth_required: null, timeout_ms: null, health_check_ms: null },
}

const viewOf = ({ protocol, timeouts, probe }: RegisteredProvider) => ({
  ...{ kind: 'provider', protocol, path_prefix: PREFIX, auth_required: true },
  ...{ timeout_ms: timeouts.totalMs, health_check_ms: probe?.everyMs ?? null },
})

const serviceView = ({ prefix, isAuthRequired, timeoutMs }: Service) => ({
  ...{ kind: 'service', protocol: 'http', path_prefix: prefix, auth_required: isAuthRequired },
  ...{ timeout_ms: timeoutMs, health_check_ms: null },
})
