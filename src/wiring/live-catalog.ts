import type { Config } from '../config/config.ts'
import { NO_LIMITS } from '../domain/limit.ts'
import { Routes } from '../domain/routes.ts'
import type { Catalog, GatewaySettings } from '../ports/catalog.ts'

export type LiveCatalog = Catalog & { replace(config: Config): void }

/** What the configuration offers; a reload replaces it whole, and running requests keep what they began with. */
export function liveCatalog(config: Config): LiveCatalog {
  let current = viewOf(config)
  return {
    route: (model) => current.routes.find(model),
    models: () => current.routes.listed,
    deployments: () => current.routes.deployments(),
    tier: (name) => current.config.tiers.get(name) ?? current.free,
    settings: () => current.settings,
    replace(next) {
      current = viewOf(next)
    },
  }
}

function viewOf(config: Config) {
  const { streams, limits, outcomes, resilience } = config
  const settings: GatewaySettings = {
    outcomes,
    resilience,
    attemptsMax: limits.attemptsMax,
    limiterFailure: limits.limiterFailure,
    strangers: config.strangers,
    inFlightMax: limits.inFlightMax,
    keyInFlightMax: limits.keyInFlightMax,
    accountInFlightMax: limits.accountInFlightMax,
    keepAlive: {
      isOn: streams.isKeepAliveOn,
      delayMs: streams.keepAliveDelayMs,
      everyMs: streams.keepAliveMs,
    },
    joinRetriesMs: config.joinRetriesMs,
  }
  const free = config.tiers.get('free') ?? { limits: NO_LIMITS, weight: 1 }
  return { config, settings, free, routes: new Routes(config.models, config.aliases) }
}
