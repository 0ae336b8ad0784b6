import type { Registry } from 'prom-client'
import { Counts } from './counts.ts'
import { Distributions } from './distributions.ts'

const BUCKETS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
  ...[0.25, 0.5, 1, 2.5, 10],
]

/** How the journal's disk does. */
export type StoreWrites = Readonly<{
  wrote: (bytes: number, ms: number) => void
  failed: (error: unknown) => void
}>

export function storeWriteMetrics(registry: Registry): StoreWrites {
  const times = new Distributions({
    name: 'api_gateway_store_write_seconds',
    help: 'One durable write of the journal, which all entries that waited share.',
    ...{ buckets: BUCKETS, registry },
  })
  const written = new Counts({
    name: 'api_gateway_store_written_bytes_total',
    help: 'What the journal has grown by in this run.',
    registry,
  })
  const errors = new Counts({
    name: 'api_gateway_store_errors_total',
    help: 'Writes of the journal that failed, by the code of the system, such as ENOSPC.',
    ...{ labels: ['code'], registry },
  })
  errors.of('ENOSPC') // there from the start, because a rate is not seen of what appears with its first event
  const [duration, bytes] = [times.of(), written.of()]
  return {
    wrote(count, ms) {
      duration.observe(ms / 1_000)
      bytes.value += count
    },
    failed(error) {
      errors.of(error instanceof Error && 'code' in error ? String(error.code) : 'other').value++
    },
  }
}
