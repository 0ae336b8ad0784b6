import { join } from 'node:path'
import { startNode } from './child.ts'
import type { LoadPlan, LoadReport } from '../load/plan.ts'
import type { Bed, Subject } from '../subjects/subject.ts'

const slackMs = 30_000

/** Runs one plan against a subject, in a process of its own that is ended when it outlasts its plan. */
export async function runLoad(
  plan: Omit<LoadPlan, 'port' | 'pid' | 'headers'>,
  { child, port, headers }: Subject,
  bed: Bed,
): Promise<LoadReport> {
  const whole: LoadPlan = { ...plan, port, pid: child.pid, headers }
  const load = startNode({
    core: bed.cores.others,
    args: [join(bed.compiled, 'load.js')],
    env: { BENCH_PLAN: JSON.stringify(whole) },
  })
  const { spreadMs, warmUpMs, measureMs, drainMs } = plan
  const limitMs = 2 * (spreadMs + warmUpMs + measureMs + drainMs) + slackMs
  const limit = setTimeout(() => void load.stop(), limitMs)
  await load.ended
  clearTimeout(limit)
  if (child.hasEnded()) throw new Error(`the gateway ended under load: ${child.complaint()}`)
  if (load.output() === '') throw new Error(`the load ended without a report: ${load.complaint()}`)
  return JSON.parse(load.output()) as LoadReport
}
