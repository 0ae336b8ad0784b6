import type { Deployment, Tier } from '../domain/model.ts'
import type { OutcomeSettings } from '../domain/outcome.ts'
import type { ResilienceSettings } from '../domain/resilience.ts'
import type { RoutedModel } from '../domain/route.ts'
import type { NamedModel } from '../domain/routes.ts'

/** What can be asked for, as the configuration has it at this moment. */
export interface Catalog {
  route(model: string): RoutedModel | undefined
  /** All that can be asked for by name, aliases among them. */
  models(): readonly NamedModel[]
  /** All that could be asked now, and those that wildcards have become. */
  deployments(): Iterable<Deployment>
  tier(name: string): Tier
  settings(): GatewaySettings
}

export type GatewaySettings = Readonly<{
  outcomes: OutcomeSettings
  attemptsMax: number
  /** What becomes of requests while they cannot be counted. */
  limiterFailure: 'allow' | 'refuse'
  /** Of one address, without a valid key; 0 is unlimited. */
  strangers: Readonly<{ requestsPerMinute: number; failuresPerMinute: number }>
  inFlightMax: number
  /** Requests at a time of one key, and of one account; 0 is unlimited. */
  keyInFlightMax: number
  accountInFlightMax: number
  keepAlive: Readonly<{ isOn: boolean; delayMs: number; everyMs: number }>
  /** An SDK's retry joins the call that it repeats, which waits so long for it; 0: it is a call of its own. */
  joinRetriesMs: number
  resilience: ResilienceSettings
}>
