import { z } from 'zod'
import { Failure } from '../../domain/failure.ts'
import { route } from '../route.ts'

export const METRICS_PATHS = ['/metrics', '/monitoring/metrics']

/** For the staff alone, because what it tells of models, providers and turnover is nobody else's business. */
export const metricsRoutes = METRICS_PATHS.map((path) =>
  route({
    method: 'GET',
    path,
    access: 'viewer',
    summary: 'What the gateway measures of itself, for Prometheus',
    description: 'Not here where it has a port of its own (PROMETHEUS_METRICS_PORT).',
    answer: z.string(),
    async handle({ metrics }, { ctx }) {
      if (metrics.isElsewhere) {
        throw new Failure('not_found', 'The metrics are on PROMETHEUS_METRICS_PORT.')
      }
      ctx.type = metrics.type
      ctx.body = await metrics.text()
    },
  }),
)
