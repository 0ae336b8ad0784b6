// From raw reports to what is shown and kept: medians, ratios taken round by round, targets met or not.
import { median } from '../run/statistics.ts'
import type { LoadReport } from '../load/plan.ts'
import type { Series } from '../run/rounds.ts'
import type { Scenario, ScenarioName, Target } from '../run/scenario.ts'
import type { SubjectName } from '../subjects/subject.ts'

export type Spread = Readonly<{ median: number; least: number; most: number }>

export type SubjectResult = Readonly<{
  name: SubjectName
  figure: Spread
  /** Against bare; undefined without it. */
  ratio: Spread | undefined
  /** CPU µs a request or chunk that the gateway put off until the load was over; a figure of CPU time has it in it. */
  laterUs: number
  perSecond: number
  /** The share of its core that the gateway used: near 1 it is what limits the run. */
  busy: number
  /** The share of the time that it was ready to run and its core was taken. */
  waited: number
  p99Ms: number
  errors: number
  errorSamples: readonly string[]
}>

export type Verdict = Readonly<{
  target: Target
  value: Spread
  outcome: 'met' | 'missed' | 'wrong answers'
}>

export type ScenarioResult = Readonly<{
  name: ScenarioName
  title: string
  unit: string
  rounds: number
  subjects: readonly SubjectResult[]
  unavailable: readonly Readonly<{ name: SubjectName; reason: string }>[]
  verdicts: readonly Verdict[]
}>

type Measured = ReadonlyMap<SubjectName, readonly LoadReport[]>

/** Of all rounds together: what is put off comes in lumps, and not in each of them. */
function laterUsOf(reports: readonly LoadReport[]): number {
  const work = sum(reports, ({ inAll }) => workOf(inAll))
  return work === 0 ? 0 : sum(reports, ({ laterUs }) => laterUs) / work
}

function figuresOf(scenario: Scenario, reports: readonly LoadReport[]): number[] {
  const laterUs = laterUsOf(reports)
  return reports.map((report) => scenario.figure(report, laterUs))
}

export function toResult(
  name: ScenarioName,
  scenario: Scenario,
  series: ReadonlyMap<SubjectName, Series>,
): ScenarioResult {
  const measured = new Map<SubjectName, readonly LoadReport[]>()
  const unavailable: { name: SubjectName; reason: string }[] = []
  for (const [subject, one] of series) {
    if (one.kind === 'measured') measured.set(subject, one.reports)
    else unavailable.push({ name: subject, reason: one.reason })
  }
  return {
    name,
    title: scenario.title,
    unit: scenario.unit,
    rounds: Math.max(0, ...[...measured.values()].map((reports) => reports.length)),
    subjects: [...measured.keys()].map((subject) => subjectResult(subject, scenario, measured)),
    unavailable,
    verdicts: scenario.targets.flatMap((target) => verdict(target, scenario, measured)),
  }
}

function subjectResult(name: SubjectName, scenario: Scenario, measured: Measured): SubjectResult {
  const reports = measured.get(name) ?? []
  const each = (figure: (report: LoadReport) => number) => median(reports.map(figure))
  return {
    name,
    figure: spread(figuresOf(scenario, reports)),
    ratio: compare(scenario, measured, { of: name, to: 'bare', by: (a, b) => a / b }),
    laterUs: laterUsOf(reports),
    perSecond: each((report) => workOf(report) / report.seconds),
    busy: each(({ cpuUs, seconds }) => cpuUs / 1e6 / seconds),
    waited: each(({ waitedUs, seconds }) => waitedUs / 1e6 / seconds),
    p99Ms: each(({ p99Ms }) => p99Ms),
    errors: sum(reports, ({ errors }) => errors),
    errorSamples: [...new Set(reports.flatMap(({ errorSamples }) => errorSamples))],
  }
}

const workOf = ({ answers, chunks }: LoadReport['inAll']): number => chunks || answers

const sum = (reports: readonly LoadReport[], figure: (report: LoadReport) => number): number =>
  reports.reduce((total, report) => total + figure(report), 0)

function verdict(target: Target, scenario: Scenario, measured: Measured): Verdict[] {
  const ours = measured.get('tollgate')
  if (ours === undefined) return []
  const by = target.kind === 'added' ? minus : over
  const value =
    target.kind === 'absolute'
      ? spread(figuresOf(scenario, ours))
      : compare(scenario, measured, { of: 'tollgate', to: target.to, by })
  if (value === undefined) return []
  const errors = [...measured.values()].flat().some((report) => report.errors > 0)
  const outcome = errors ? 'wrong answers' : value.median <= target.atMost ? 'met' : 'missed'
  return [{ target, value, outcome }]
}

type Comparison = Readonly<{
  of: SubjectName
  to: SubjectName
  by: (ours: number, theirs: number) => number
}>

const over = (ours: number, theirs: number) => ours / theirs
const minus = (ours: number, theirs: number) => ours - theirs

/** Round by round, because what the machine does meanwhile changes slowly and hits both sides of a round alike. */
function compare(
  scenario: Scenario,
  measured: Measured,
  { of, to, by }: Comparison,
): Spread | undefined {
  const theirs = measured.get(to)
  const ours = measured.get(of)
  if (ours === undefined || theirs === undefined) return undefined
  const others = figuresOf(scenario, theirs)
  const pairs = figuresOf(scenario, ours).flatMap((figure, round) => {
    const other = others[round]
    return other === undefined ? [] : [by(figure, other)]
  })
  return pairs.length === 0 ? undefined : spread(pairs)
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}
