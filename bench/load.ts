// The load generator: a process of its own, on the upstream's core. It runs the plan that BENCH_PLAN
// holds and prints one report. It reads the gateway's CPU time itself, so that the window has sharp borders.
import { measureQuietStreams } from './load/quiet.ts'
import { measureWindow } from './load/window.ts'
import type { LoadPlan } from './load/plan.ts'

const plan = JSON.parse(process.env['BENCH_PLAN'] ?? '{}') as LoadPlan
const report =
  plan.answer.kind === 'quiet' ? await measureQuietStreams(plan) : await measureWindow(plan)
process.stdout.write(JSON.stringify(report), () => process.exit(0))
