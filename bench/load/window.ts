import { setTimeout as sleep } from 'node:timers/promises'
import { openConnections } from './connections.ts'
import { countError, errorsOf, newTally, until } from './tally.ts'
import { cpuBetween, readCpu, readWaitedUs, residentBytes } from '../run/process-usage.ts'
import { median, quantile } from '../run/statistics.ts'
import type { LoadPlan, LoadReport } from './plan.ts'

const errorsMax = 1_000

/**
 * Steady state: connections ask again and again; after the warm-up, what arrives within a window of
 * time is set against the CPU time of the gateway in the same window. Then every open answer is read
 * to its end, so that each one is checked.
 */
export async function measureWindow(plan: LoadPlan): Promise<LoadReport> {
  const tally = newTally()
  const closeAll = openConnections(plan, tally)
  await sleep(plan.spreadMs + plan.warmUpMs)
  tally.chunks = 0
  tally.latenciesMs = []
  const before = readUsage(plan.pid)
  const isOver = () => tally.latenciesMs.length >= plan.answersMax || tally.errors >= errorsMax
  await until(isOver, plan.measureMs)
  const after = readUsage(plan.pid)
  const { chunks, latenciesMs } = tally
  tally.isAsking = false
  tally.latenciesMs = []
  await until(() => tally.open === 0, plan.drainMs)
  if (tally.open > 0) countError(tally, `${tally.open} answers did not end in time`)
  closeAll()
  return {
    cpuUs: cpuBetween(before.cpu, after.cpu),
    laterUs: 0, // nobody knows yet
    waitedUs: after.waitedUs - before.waitedUs,
    connections: plan.connections,
    seconds: (after.at - before.at) / 1000,
    answers: latenciesMs.length,
    chunks,
    inAll: tally.inAll,
    medianMs: median(latenciesMs),
    p99Ms: quantile(latenciesMs, 0.99),
    residentBytes: { before: before.bytes, after: after.bytes },
    ...errorsOf(tally),
  }
}

function readUsage(pid: number) {
  return {
    at: performance.now(),
    cpu: readCpu(pid),
    waitedUs: readWaitedUs(pid),
    bytes: residentBytes(pid),
  }
}
