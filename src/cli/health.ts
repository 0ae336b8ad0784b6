import type { WholeHealth } from '../admin/health.ts'
import type { Resource } from './resource.ts'
import { table } from './table.ts'

type HealthJson = Awaited<ReturnType<WholeHealth>>

export const health: Resource = {
  does: 'how the gateway that runs is: services, journal, disk, load, the last audit',
  actions: {
    '': {
      usage: 'health',
      does: 'Tells the whole state of the server that runs. Ends with 1 where something is not well.',
      options: {},
      words: [],
      needed: 0,
      async run(_given, ask) {
        const told = (await ask('health', {})) as HealthJson
        if (told.status !== 'healthy' || told.alarms.length > 0) process.exitCode = 1
        return { json: told, text: table(['WHAT', 'HOW'], rowsOf(told)) }
      },
    },
  },
}

function rowsOf(told: HealthJson): readonly (readonly string[])[] {
  const { journal, disk, audit, load, webhooks } = told
  return [
    ['status', `${told.status}, ${told.ready ? 'ready' : 'not ready'}`],
    ['alarms', told.alarms.join(', ') || 'none'],
    ['version', `${told.version} on Node.js ${told.node}, since ${told.started_at}`],
    ...Object.entries(told.services).map(([name, isWell]) => [
      ...[`service ${name}`, isWell ? 'well' : 'down'],
    ]),
    ['journal', `segment ${journal.segment}, seq ${journal.seq}`],
    ['open holds', since(journal.open_holds, journal.oldest_hold_at)],
    ['snapshot', journal.snapshot_at ?? 'none yet'],
    ['backup', journal.backup_at ?? 'none yet'],
    ['audit', audit === null ? 'none yet' : `${audit.at}: ${audit.findings} findings`],
    ['disk', disk === null ? 'unknown' : `${gib(disk.free_bytes)} of ${gib(disk.size_bytes)} free`],
    ['requests', `${load.in_flight} in flight, ${load.streams} of them streams`],
    ['memory', `${load.memory_percent} %, heap ${load.heap_percent} %`],
    ['event loop', `${load.loop_delay_ms} ms late; refused: ${load.refused}`],
    ['webhooks', `${webhooks.receivers}; ${since(webhooks.waiting, webhooks.oldest_waiting_at)}`],
  ]
}

const since = (count: number, at: string | null): string =>
  at === null ? String(count) : `${count} waiting, the oldest since ${at}`

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
