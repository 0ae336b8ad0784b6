import { readFileSync, readdirSync } from 'node:fs'

/** Linux counts ended threads in ticks of 10 ms (USER_HZ is 100 on every architecture Node runs on). */
const tickUs = 10_000

export type CpuReading = Readonly<{ liveThreadsUs: number; allThreadsUs: number }>

/**
 * `schedstat` is exact to the nanosecond but forgets a thread when it ends; `stat` remembers all of
 * them and counts in ticks. Reading both lets `cpuBetween` be exact and still miss no thread.
 */
export function readCpu(pid: number): CpuReading {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const allThreadsUs = (Number(fields[11]) + Number(fields[12])) * tickUs
  let liveThreadsUs = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    liveThreadsUs += parseInt(readSchedstat(pid, thread), 10) / 1000
  }
  return { liveThreadsUs, allThreadsUs }
}

export function cpuBetween(start: CpuReading, end: CpuReading): number {
  const exactUs = end.liveThreadsUs - start.liveThreadsUs
  const coarseUs = end.allThreadsUs - start.allThreadsUs
  return coarseUs - exactUs > 2 * tickUs ? coarseUs : exactUs
}

/** How long the main thread has been ready to run while its core was busy with something else. */
export function readWaitedUs(pid: number): number {
  const [, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')
  return Number(waitedNs) / 1000
}

export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
  return Number(line?.[1]) * 1024
}

/** A thread may end between the listing and the reading. */
function readSchedstat(pid: number, thread: string): string {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1')
  } catch {
    return '0'
  }
}
