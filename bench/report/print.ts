import { table } from './table.ts'
import type { ScenarioResult, Spread, SubjectResult, Verdict } from './result.ts'

/** One scenario for people: ratios first, since absolute numbers belong to the machine. */
export function printScenario(result: ScenarioResult): string {
  const head = ['', '× bare', '(least–most)', result.unit, ...(hasLoad(result) ? loadHead : [])]
  const rows = result.subjects.map((subject) => [
    subject.name,
    subject.ratio === undefined ? '–' : number(subject.ratio.median),
    subject.ratio === undefined ? '' : range(subject.ratio),
    number(subject.figure.median),
    ...(hasLoad(result) ? loadCells(subject) : []),
  ])
  return [
    `\n${result.name} · ${result.title} · ${result.rounds} rounds\n`,
    rows.length === 0 ? '' : table([head, ...rows]),
    ...result.subjects.flatMap(({ name, errorSamples }) =>
      errorSamples.map((sample) => `  ! ${name} answered wrongly: ${sample}\n`),
    ),
    ...result.unavailable.map(({ name, reason }) => `  ! ${name} was left out: ${reason}\n`),
    ...result.verdicts.map((verdict) => verdictLine(verdict, result.unit)),
  ].join('')
}

const loadHead = ['later', 'a second', 'core used', 'waited', 'p99 ms', 'errors']

function loadCells({ laterUs, perSecond, busy, waited, p99Ms, errors }: SubjectResult): string[] {
  return [
    `+${number(laterUs)} µs`,
    Math.round(perSecond).toLocaleString('en'),
    percent(busy),
    percent(waited),
    number(p99Ms),
    String(errors),
  ]
}

function hasLoad({ name }: ScenarioResult): boolean {
  return name !== 'idle' && name !== 'memory'
}

function verdictLine({ target, value, outcome }: Verdict, unit: string): string {
  const seen = `${number(value.median)} (${range(value)})`
  const mark = {
    met: '✓ met:',
    missed: '✗ MISSED:',
    'wrong answers': '✗ NOT VALID (wrong answers):',
  }
  const aim = {
    ratio: (to: string) => `tollgate at most ${target.atMost} × ${to}`,
    added: (to: string) => `tollgate at most ${target.atMost} ${unit} more than ${to}`,
    absolute: () => `tollgate at most ${target.atMost} ${unit}`,
  }
  return `  ${mark[outcome]} ${aim[target.kind](target.kind === 'absolute' ? '' : target.to)}; it is ${seen}\n`
}

function range({ least, most }: Spread): string {
  return `${number(least)}–${number(most)}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function number(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) < 10 ? 2 : 1)
}
