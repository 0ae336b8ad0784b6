import type { BreakerSettings } from './breaker.ts'

/** How the gateway treats providers that fail: what operators may set. */
export type ResilienceSettings = Readonly<{
  breaker: BreakerSettings
  /** How long a refused key is off before it is probed. */
  keyOffMs: number
  /** Retries at a provider, as a part of its requests. */
  retryShare: number
}>
