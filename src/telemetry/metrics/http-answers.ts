import type { Registry } from 'prom-client'
import type { HttpRoute } from '../../ports/events.ts'
import { Counts, type Count } from './counts.ts'
import { Distributions, type Distribution } from './distributions.ts'

/** What one route is measured by; the statuses that it has answered with among it. */
type Answers = Readonly<{ duration: Distribution; statuses: Map<number, Count> }>

const BUCKETS = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  ...[30, 60, 120, 300],
]

/** Every answer to a request, by the route's own name: there are as many as there are routes. */
export class HttpMetrics {
  readonly #requests: Counts
  readonly #durations: Distributions
  readonly #routes = new Map<HttpRoute, Answers>()

  constructor(registry: Registry) {
    this.#requests = new Counts({
      name: 'api_gateway_requests_total',
      help: 'Requests that were answered; endpoint is the route, status 499 that the caller left before the answer.',
      ...{ labels: ['method', 'endpoint', 'status'], registry },
    })
    this.#durations = new Distributions({
      name: 'api_gateway_request_duration_seconds',
      help: 'From the arrival of a request to the end of its answer; of a stream, to its last byte.',
      ...{ labels: ['method', 'endpoint'], buckets: BUCKETS, registry },
    })
  }

  answered(route: HttpRoute, status: number, ms: number): void {
    const answers = this.#routes.get(route) ?? this.#open(route)
    answers.duration.observe(ms / 1_000)
    const known = answers.statuses.get(status)
    const count = known ?? this.#requests.of(route.method, route.endpoint, String(status))
    if (known === undefined) answers.statuses.set(status, count)
    count.value++
  }

  #open(route: HttpRoute): Answers {
    const duration = this.#durations.of(route.method, route.endpoint)
    const answers = { duration, statuses: new Map<number, Count>() }
    this.#routes.set(route, answers)
    return answers
  }
}
