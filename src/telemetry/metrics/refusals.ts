import { createHash } from 'node:crypto'
import type { Registry } from 'prom-client'
import type { FailureCode } from '../../domain/failure.ts'
import type { RequestRefused } from '../../ports/events.ts'
import { Counts } from './counts.ts'
import type { Offer } from './names.ts'
import { OTHER } from './series.ts'

/** So many clients have a series of their own; all that come after them share one. */
const CLIENTS_MAX = 50

export type TierOf = (account: string) => string | undefined

/** Refused keys, limits reached, and every other refusal. */
export class RefusalMetrics {
  readonly #metrics: ReturnType<typeof define>
  readonly #offer: () => Offer
  /** Known as soon as the books are open. */
  tierOf: TierOf = () => undefined
  readonly #clients = new Map<string, string>()

  constructor(registry: Registry, offer: () => Offer) {
    this.#metrics = define(registry)
    this.#offer = offer
  }

  refused({ code, account }: RequestRefused): void {
    const { refusals, unauthorized, limited, limitedTiers } = this.#metrics
    refusals.of(code).value++
    const reason = REASONS[code]
    if (reason !== undefined) unauthorized.of(reason).value++
    if (code !== 'rate_limit_exceeded') return
    limited.of(account === undefined ? OTHER : this.#client(account)).value++
    limitedTiers.of(this.#tier(account)).value++
  }

  #tier(account: string | undefined): string {
    const tier = account === undefined ? undefined : this.tierOf(account)
    return tier !== undefined && this.#offer().tiers.has(tier) ? tier : OTHER
  }

  /** A name says who somebody is, and whoever reads metrics need not know. */
  #client(account: string): string {
    const known = this.#clients.get(account)
    if (known !== undefined) return known
    if (this.#clients.size >= CLIENTS_MAX) return OTHER
    const client = createHash('sha256').update(account).digest('hex').slice(0, 12)
    this.#clients.set(account, client)
    return client
  }
}

const REASONS: Readonly<Partial<Record<FailureCode, string>>> = {
  invalid_api_key: 'invalid_key',
  key_not_allowed: 'not_allowed',
}

function define(registry: Registry) {
  const metrics = {
    refusals: new Counts({
      name: 'api_gateway_refusals_total',
      help: 'Requests that were refused, by the code of the answer. What failed at providers is not among them.',
      ...{ labels: ['code'], registry },
    }),
    unauthorized: new Counts({
      name: 'api_gateway_auth_failures_total',
      help: 'Requests with an invalid key, or with one that may not do what was asked.',
      ...{ labels: ['reason'], registry },
    }),
    limited: new Counts({
      name: 'api_gateway_rate_limit_exceeded_total',
      help: 'Requests beyond a limit, by the SHA-256 of the account, cut to 12 digits; for many accounts: other.',
      ...{ labels: ['client_id'], registry },
    }),
    limitedTiers: new Counts({
      name: 'api_gateway_rate_limited_total',
      help: 'Requests beyond a limit, by the tier of the account.',
      ...{ labels: ['tier'], registry },
    }),
  }
  // There from the start, because a rate is not seen of what appears with its first event.
  for (const reason of Object.values(REASONS)) metrics.unauthorized.of(reason)
  return metrics
}
