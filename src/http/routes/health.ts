import { z } from 'zod'
import { isWell } from '../../admin/health.ts'
import { time } from '../forms.ts'
import { route } from '../route.ts'

export const healthRoutes = [
  route({
    method: 'GET',
    path: '/health',
    access: 'public',
    summary: 'Whether all is well: 200 while the process can serve at all',
    answer: z.object({
      status: z.enum(['healthy', 'degraded']),
      service: z.string(),
      version: z.string(),
      timestamp: time,
      services: z.record(z.string(), z.boolean()),
      alarms: z.array(z.string()),
    }),
    handle({ health: check, settings, house }) {
      const { services, alarms } = check()
      return {
        status: isWell(services) ? 'healthy' : 'degraded',
        service: 'tollgate',
        version: settings().version,
        timestamp: new Date(house.clock.nowMs()).toISOString(),
        services,
        alarms,
      }
    },
  }),
  route({
    method: 'GET',
    path: '/healthz',
    access: 'public',
    summary: 'The process lives',
    answer: z.object({ status: z.literal('alive') }),
    handle: () => ({ status: 'alive' }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    access: 'public',
    summary: 'Whether new requests are welcome: 503 while they are not',
    answer: z.object({ status: z.enum(['ready', 'not ready']) }),
    handle({ health: check }, { ctx }) {
      const { isReady } = check()
      ctx.status = isReady ? 200 : 503
      ctx.body = { status: isReady ? 'ready' : 'not ready' }
    },
  }),
]
