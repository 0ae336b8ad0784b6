import { setTimeout as sleep } from 'node:timers/promises'
import { cpuBetween, readCpu, residentBytes } from './process-usage.ts'
import { runLoad } from './run-load.ts'
import { startSubject } from '../subjects/start-subject.ts'
import { Unavailable, type Bed, type Subject, type SubjectName } from '../subjects/subject.ts'
import type { LoadReport } from '../load/plan.ts'
import type { Pace, Scenario } from './scenario.ts'

/** One report a round, in the order of the rounds; or why there are none. */
export type Series =
  | Readonly<{ kind: 'measured'; reports: readonly LoadReport[] }>
  | Readonly<{ kind: 'unavailable'; reason: string }>

export type RunOptions = Readonly<{
  subjects: readonly SubjectName[]
  rounds: number
  pace: Pace
  bed: Bed
  say(line: string): void
}>

const quietMs = 5_000

/** The subjects take turns in every round, and another one begins each time, so that a drift hits all alike. */
export async function runRounds(
  scenario: Scenario,
  options: RunOptions,
): Promise<ReadonlyMap<SubjectName, Series>> {
  const names = options.subjects.filter((name) => !scenario.without.includes(name))
  const rounds = Math.min(options.rounds, scenario.roundsMax)
  const reports = new Map<SubjectName, LoadReport[]>(names.map((name) => [name, []]))
  const failures = new Map<SubjectName, string>()
  const running = new Map<SubjectName, Subject>()

  async function turn(name: SubjectName, round: number): Promise<void> {
    const subject = running.get(name) ?? (await start(name))
    const report = await measure(scenario, subject, options)
    reports.get(name)?.push(report)
    const figure = scenario.figure(report, 0).toFixed(2)
    const wrong = report.errors > 0 ? `, ${report.errors} WRONG ANSWERS` : ''
    options.say(`  round ${round + 1}/${rounds} ${name}: ${figure} ${scenario.unit}${wrong}`)
  }

  /** The first window of a process that stays is thrown away: V8 is still compiling. */
  async function start(name: SubjectName): Promise<Subject> {
    const subject = await startSubject(name, options.bed)
    running.set(name, subject)
    const load = scenario.warmUp ?? scenario.load
    if (scenario.lifetime === 'all rounds') await measure({ ...scenario, load }, subject, options)
    return subject
  }

  async function stop(name: SubjectName): Promise<void> {
    const subject = running.get(name)
    running.delete(name)
    await subject?.child.stop()
  }

  for (let round = 0; round < rounds; round++) {
    for (const name of rotated(names, round)) {
      if (failures.has(name)) continue
      try {
        await turn(name, round)
      } catch (error) {
        failures.set(name, reasonOf(error))
        options.say(`  ${name} is left out: ${reasonOf(error)}`)
      }
      if (scenario.lifetime === 'one round' || failures.has(name)) await stop(name)
    }
  }
  for (const name of names) await stop(name)
  return new Map(names.map((name) => [name, seriesOf(reports.get(name), failures.get(name))]))
}

async function measure(
  scenario: Scenario,
  subject: Subject,
  { pace, bed, say }: RunOptions,
): Promise<LoadReport> {
  if (scenario.load !== undefined) {
    const report = await runLoad(scenario.load(pace), subject, bed)
    return { ...report, laterUs: await untilQuiet(subject, say) }
  }
  await sleep(quietMs)
  const bytes = residentBytes(subject.child.pid)
  return {
    cpuUs: 0,
    laterUs: 0,
    waitedUs: 0,
    connections: 0,
    seconds: quietMs / 1000,
    answers: 0,
    chunks: 0,
    inAll: { answers: 0, chunks: 0 },
    medianMs: 0,
    p99Ms: 0,
    residentBytes: { before: bytes, after: bytes },
    errors: 0,
    errorSamples: [],
  }
}

/** What a gateway has put off is neither done while another one is measured, nor kept from sight: the time it takes. */
async function untilQuiet({ name, child }: Subject, say: RunOptions['say']): Promise<number> {
  const begun = readCpu(child.pid)
  let before = begun
  let quietLooks = 0
  for (let looks = 0; quietLooks < quietLooksMin && looks < looksMax; looks++) {
    await sleep(lookMs)
    if (child.hasEnded()) throw new Error(`the gateway ended after the load: ${child.complaint()}`)
    const after = readCpu(child.pid)
    const isQuiet = cpuBetween(before, after) < quietShare * lookMs * 1_000
    quietLooks = isQuiet ? quietLooks + 1 : 0
    before = after
  }
  if (quietLooks < quietLooksMin) say(`  ${name} is still busy with what it has put off`)
  return cpuBetween(begun, before)
}

const lookMs = 200
const looksMax = 75
/** One may have met a moment in which it waited for the disk. */
const quietLooksMin = 2
/** Of a core. */
const quietShare = 0.02

function seriesOf(reports: readonly LoadReport[] = [], reason?: string): Series {
  return reason === undefined ? { kind: 'measured', reports } : { kind: 'unavailable', reason }
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}

/** A subject that fails leaves the comparison; it does not end it. A defect of the bench shows its stack. */
function reasonOf(error: unknown): string {
  if (error instanceof Unavailable) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
