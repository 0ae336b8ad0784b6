import { z } from 'zod'
import { time } from '../forms.ts'
import { route } from '../route.ts'
import { provider } from './admin-providers.ts'

const journal = z.object({
  writable: z.boolean(),
  proven: z.boolean().meta({ description: 'Memory is what the journal adds up to' }),
  segment: z.int(),
  seq: z.int().meta({ description: 'The last entry that is on the disk' }),
  torn_bytes: z.int().meta({ description: 'What the last start moved to quarantine' }),
  open_holds: z.int(),
  oldest_hold_at: time.nullable(),
  snapshot_at: time.nullable(),
  backup_at: time.nullable(),
})

const audit = z
  .object({ at: time, records: z.int(), seq: z.int(), findings: z.int() })
  .meta({ description: 'What `node scripts/audit.js` came to when it was run last' })

const disk = z
  .object({ free_bytes: z.int(), size_bytes: z.int(), free_bytes_min: z.int() })
  .meta({ description: 'Below `free_bytes_min` requests are refused' })

const load = z.object({
  refused: z.enum(['nothing', 'streams', 'all']),
  in_flight: z.int(),
  streams: z.int(),
  loop_delay_ms: z.int(),
  heap_percent: z.int(),
  memory_percent: z.int(),
})

export const adminHealthRoutes = [
  route({
    method: 'GET',
    path: '/admin/health',
    access: 'viewer',
    summary: 'The whole state: services, providers, journal, disk, load, alarms, the last audit',
    answer: z.object({
      status: z.enum(['healthy', 'degraded']),
      ready: z.boolean().meta({ description: 'New requests are welcome' }),
      timestamp: time,
      version: z.string().meta({ example: '1.0.0' }),
      node: z.string().meta({ example: 'v20.20.0' }),
      run: z.string().meta({ description: 'Request ids of this run begin with it' }),
      started_at: time,
      services: z.record(z.string(), z.boolean()),
      alarms: z.array(z.string()).meta({ example: ['disk_low'] }),
      providers: z.array(provider),
      journal,
      audit: audit.nullable(),
      disk: disk.nullable(),
      load,
      webhooks: z.object({
        receivers: z.int(),
        waiting: z.int().meta({ description: 'Alerts that a receiver has not taken yet' }),
        oldest_waiting_at: time.nullable(),
      }),
    }),
    handle: ({ wholeHealth }) => wholeHealth(),
  }),
]
