import type { Clock } from '../ports/clock.ts'
import type { Alerts } from '../ports/alerts.ts'
import type { Load } from '../ports/load.ts'
import type { ProviderStates } from './provider-states.ts'

/** What everybody may know. */
export type Health = Readonly<{
  /** False while starting and draining. */
  isReady: boolean
  services: Readonly<Record<string, boolean>>
  /** What an operator has to see to, in words of one form: `disk_low`. */
  alarms: readonly string[]
}>

/** How the books are, by those who keep them. Times are of the wall clock, in milliseconds. */
export type BooksHealth = Readonly<{
  isWritable: boolean
  isProven: boolean
  tornBytes: number
  end: Readonly<{ segment: number; seq: number }>
  holds: Readonly<{ open: number; oldestAt: number | undefined }>
  snapshotAt: number | undefined
  backupAt: number | undefined
  audit: Readonly<{ at: number; records: number; seq: number; findings: number }> | undefined
  space: Readonly<{ freeBytes: number; sizeBytes: number; freeBytesMin: number }> | undefined
}>

type Needs = Readonly<{
  health: () => Health
  books: () => Promise<BooksHealth>
  providers: Pick<ProviderStates, 'view'>
  alerts: Pick<Alerts, 'webhooks' | 'pending'>
  load: Load
  traffic: () => Readonly<{ inFlight: number; streams: number }>
  program: Readonly<{ version: string; node: string; run: string; startedAt: number }>
  clock: Pick<Clock, 'nowMs'>
}>

export type WholeHealth = () => ReturnType<ReturnType<typeof wholeHealth>>

/** Everything that operators look at first when something is wrong, in one answer. */
export function wholeHealth(needs: Needs) {
  return async () => {
    const { isReady, services, alarms } = needs.health()
    const { version, node, run, startedAt } = needs.program
    const books = await needs.books()
    const isAuditBad = (books.audit?.findings ?? 0) > 0
    return {
      status: isWell(services) ? 'healthy' : 'degraded',
      ready: isReady,
      timestamp: timeOf(needs.clock.nowMs()),
      version,
      node,
      run,
      started_at: timeOf(startedAt),
      services,
      alarms: isAuditBad ? [...alarms, 'audit_findings'] : alarms,
      providers: needs.providers.view(),
      ...booksView(books),
      load: loadView(needs),
      webhooks: webhooksView(needs.alerts),
    }
  }
}

export const isWell = (services: Health['services']): boolean =>
  Object.values(services).every(Boolean)

const booksView = ({ audit, space, holds, end, ...books }: BooksHealth) => ({
  journal: {
    ...{ writable: books.isWritable, proven: books.isProven },
    ...{ segment: end.segment, seq: end.seq, torn_bytes: books.tornBytes },
    ...{ open_holds: holds.open, oldest_hold_at: timeOrNull(holds.oldestAt) },
    ...{ snapshot_at: timeOrNull(books.snapshotAt), backup_at: timeOrNull(books.backupAt) },
  },
  audit:
    audit === undefined
      ? null
      : {
          ...{ at: timeOf(audit.at), records: audit.records },
          ...{ seq: audit.seq, findings: audit.findings },
        },
  disk:
    space === undefined
      ? null
      : {
          ...{ free_bytes: space.freeBytes, size_bytes: space.sizeBytes },
          free_bytes_min: space.freeBytesMin,
        },
})

const loadView = ({ load: { refused, strain }, traffic }: Needs) => ({
  ...{ refused, in_flight: traffic().inFlight, streams: traffic().streams },
  loop_delay_ms: strain.loopDelayMs,
  heap_percent: percent(strain.heapShare),
  memory_percent: percent(strain.memoryShare),
})

function webhooksView({ webhooks, pending }: Needs['alerts']) {
  const waiting = [...pending()] // in the order of their raising
  return {
    ...{ receivers: webhooks().length, waiting: waiting.length },
    oldest_waiting_at: timeOrNull(waiting[0]?.at),
  }
}

const percent = (share: number): number => Math.round(share * 100)
const timeOf = (ms: number): string => new Date(ms).toISOString()
const timeOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : timeOf(ms))
