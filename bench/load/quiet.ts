import { setTimeout as sleep } from 'node:timers/promises'
import { openConnections } from './connections.ts'
import { countError, errorsOf, newTally, until } from './tally.ts'
import { measureWindow } from './window.ts'
import { residentBytes } from '../run/process-usage.ts'
import type { LoadPlan, LoadReport } from './plan.ts'

const warmUpConnections = 64

/** Memory: how much a gateway grows when many streams are open at once and nothing more is said. */
export async function measureQuietStreams(plan: LoadPlan): Promise<LoadReport> {
  const { chunks } = plan.answer.kind === 'whole' ? { chunks: 0 } : plan.answer
  const warmUp = await measureWindow({
    ...plan,
    connections: warmUpConnections,
    spreadMs: 0,
    answer: { kind: 'stream', chunks: 5, group: 1, everyMs: 1 },
  })
  await sleep(plan.warmUpMs)
  const before = residentBytes(plan.pid)
  const tally = newTally()
  const closeAll = openConnections(plan, tally)
  const chunksExpected = plan.connections * chunks
  await until(() => tally.chunks >= chunksExpected, plan.spreadMs + plan.drainMs)
  const missing = chunksExpected - tally.chunks
  if (missing !== 0) countError(tally, `${missing} of ${chunksExpected} chunks did not arrive`)
  await sleep(plan.measureMs)
  const after = residentBytes(plan.pid)
  tally.isAsking = false
  closeAll()
  return {
    ...warmUp,
    connections: plan.connections,
    residentBytes: { before, after },
    ...bothErrors(warmUp, errorsOf(tally)),
  }
}

type Errors = Pick<LoadReport, 'errors' | 'errorSamples'>

function bothErrors(first: Errors, second: Errors): Errors {
  return {
    errors: first.errors + second.errors,
    errorSamples: [...first.errorSamples, ...second.errorSamples],
  }
}
